/// Makes the chat model that comes with Sluice, from nothing: [TrainDemoModel] generates the text, learns the
/// tokenizer, trains the transformer and writes the model folder and its card. One thread.
@NullMarked
package io.sluice.demomodel;

import org.jspecify.annotations.NullMarked;
