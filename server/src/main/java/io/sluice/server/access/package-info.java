@NullMarked
package io.sluice.server.access;

import org.jspecify.annotations.NullMarked;
