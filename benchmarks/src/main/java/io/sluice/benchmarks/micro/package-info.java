/// The measurements of single parts: the JMH suite, and what a part allocates and executes.
@NullMarked
package io.sluice.benchmarks.micro;

import org.jspecify.annotations.NullMarked;
