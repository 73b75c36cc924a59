@NullMarked
package io.sluice.server.admin;

import org.jspecify.annotations.NullMarked;
