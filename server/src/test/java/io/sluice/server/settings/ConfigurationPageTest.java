package io.sluice.server.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ConfigurationPageTest {
    private static final Path PAGE = Path.of("..", "docs", "configuration.md");
    private static final String WRITE = "sluice.writeDocs";

    @Test
    void the_page_in_docs_is_what_the_declaration_says() throws Exception {
        if (Boolean.getBoolean(WRITE)) Files.writeString(PAGE, ConfigurationPage.markdown());
        assertThat(Files.exists(PAGE) ? Files.readString(PAGE) : "")
                .as("docs/configuration.md is not what the settings' declaration says. To write it anew:%n"
                        + "  ./mvnw -pl server -am -Dtest=ConfigurationPageTest"
                        + " -Dsurefire.failIfNoSpecifiedTests=false -Dsluice.writeDocs=true test%n")
                .isEqualTo(ConfigurationPage.markdown());
    }
}
