@NullMarked
package io.sluice.server.http;

import org.jspecify.annotations.NullMarked;
