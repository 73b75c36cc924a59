@NullMarked
package io.sluice.modelstore;

import org.jspecify.annotations.NullMarked;
