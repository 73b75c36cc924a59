package io.sluice.demomodel;

import java.nio.file.Path;

/// Where the repository keeps the model and its card; tests run in the module's folder.
final class CommittedModel {
    static final Path FOLDER = Path.of("../model-store/src/main/resources/io/sluice/modelstore/demo");
    static final Path CARD = Path.of("../docs/demo-model.md");

    private CommittedModel() {}
}
