@NullMarked
package io.sluice.server.openai;

import org.jspecify.annotations.NullMarked;
