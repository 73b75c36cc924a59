/// The load generator: asks any server that speaks OpenAI's API, at moments that do not depend on its
/// answers, and measures what comes back.
@NullMarked
package io.sluice.benchmarks.load;

import org.jspecify.annotations.NullMarked;
