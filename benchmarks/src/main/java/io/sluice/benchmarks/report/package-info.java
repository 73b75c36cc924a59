/// How measurements are told: conditions, and one page of HTML with plots for all of them.
@NullMarked
package io.sluice.benchmarks.report;

import org.jspecify.annotations.NullMarked;
