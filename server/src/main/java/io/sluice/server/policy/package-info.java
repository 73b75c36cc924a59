@NullMarked
package io.sluice.server.policy;

import org.jspecify.annotations.NullMarked;
