@NullMarked
package io.sluice.device;

import org.jspecify.annotations.NullMarked;
