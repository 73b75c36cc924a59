@NullMarked
package io.sluice.server.hub;

import org.jspecify.annotations.NullMarked;
