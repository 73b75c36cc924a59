@NullMarked
package io.sluice.server.messages;

import org.jspecify.annotations.NullMarked;
