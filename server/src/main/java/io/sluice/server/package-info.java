@NullMarked
package io.sluice.server;

import org.jspecify.annotations.NullMarked;
