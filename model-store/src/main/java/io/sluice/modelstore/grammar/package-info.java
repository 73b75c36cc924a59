/// What a model's output may be: schemas, regular expressions and grammars, down to the tokens that may come
/// next.
@NullMarked
package io.sluice.modelstore.grammar;

import org.jspecify.annotations.NullMarked;
