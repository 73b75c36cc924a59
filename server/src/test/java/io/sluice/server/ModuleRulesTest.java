package io.sluice.server;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.io.File;
import org.junit.jupiter.api.Test;

/// What each module must not know. The table is in `docs/architecture.md`.
class ModuleRulesTest {
    private static final String BATCHING = "io.sluice.batching..";
    private static final String MODEL_STORE = "io.sluice.modelstore..";
    private static final String DEVICE = "io.sluice.device..";
    private static final String SERVER = "io.sluice.server..";

    private static final String[] TENSORS = {"ai.djl.ndarray..", "ai.djl.engine..", "ai.djl.pytorch.."};
    private static final String[] HTTP = {"io.helidon..", "java.net.http..", "com.sun.net.httpserver.."};
    private static final String[] JSON = {"com.fasterxml..", "com.google.gson..", "org.yaml.."};
    private static final String[] OPERATIONS = {"io.micrometer..", "io.prometheus..", "picocli.."};

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("io.sluice");

    @Test
    void all_four_modules_are_looked_at() {
        for (String module : new String[] {"batching", "modelstore", "device", "server"}) {
            boolean seen = CLASSES.stream().anyMatch(c -> c.getPackageName().startsWith("io.sluice." + module));
            if (!seen) throw new AssertionError("no classes of " + module + ": the rules would say nothing about it");
        }
    }

    @Test
    void batching_is_a_leaf_that_knows_neither_tensors_nor_http_nor_json_nor_files() {
        forbid(BATCHING, MODEL_STORE, DEVICE, SERVER);
        forbid(BATCHING, TENSORS);
        forbid(BATCHING, HTTP);
        forbid(BATCHING, JSON);
        forbid(BATCHING, OPERATIONS);
        forbid(BATCHING, "java.nio.file..", "java.net..", "java.lang.foreign..");
        noClasses()
                .that()
                .resideInAPackage(BATCHING)
                .should()
                .dependOnClassesThat()
                .belongToAnyOf(File.class)
                .check(CLASSES);
    }

    @Test
    void model_store_is_a_leaf_that_knows_no_device_no_http_and_no_scheduling() {
        forbid(MODEL_STORE, BATCHING, DEVICE, SERVER);
        forbid(MODEL_STORE, TENSORS);
        forbid(MODEL_STORE, HTTP);
        forbid(MODEL_STORE, OPERATIONS);
        forbid(MODEL_STORE, "com.lmax..");
    }

    @Test
    void the_device_knows_no_http_and_no_operations() {
        forbid(DEVICE, SERVER);
        forbid(DEVICE, HTTP);
        forbid(DEVICE, OPERATIONS);
        forbid(DEVICE, JSON);
        forbid(DEVICE, "com.lmax..");
    }

    @Test
    void of_the_engine_the_device_knows_the_port_only() {
        noClasses()
                .that()
                .resideInAPackage(DEVICE)
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("io.sluice.batching.Engine")
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName("io.sluice.batching.TokenStream")
                .check(CLASSES);
    }

    @Test
    void the_server_knows_neither_tensors_nor_blocks_and_of_the_device_only_its_door() {
        forbid(SERVER, "ai.djl..", "java.lang.foreign..", "com.lmax..");
        noClasses()
                .that()
                .resideInAPackage(SERVER)
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("io.sluice.batching.StepPlan")
                .check(CLASSES);
        ArchRule door = noClasses()
                .that()
                .resideInAPackage(SERVER)
                .should()
                .dependOnClassesThat(new DescribedPredicate<JavaClass>("are inside the device") {
                    @Override
                    public boolean test(JavaClass target) {
                        return target.getPackageName().equals("io.sluice.device")
                                && !target.getName()
                                        .matches(
                                                "io\\.sluice\\.device\\.(Device|RunnerSettings(\\$\\w+)?|CudaSettings|CudaDevices|NotEnoughMemory|DeviceUnavailable|UnsupportedModel|TorchFailed)");
                    }
                });
        door.check(CLASSES);
    }

    @Test
    void only_the_device_calls_foreign_functions() {
        noClasses()
                .that()
                .resideOutsideOfPackage(DEVICE)
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.lang.foreign.Linker")
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.lang.foreign.SymbolLookup")
                .check(CLASSES);
    }

    @Test
    void text_generation_knows_neither_http_nor_json() {
        forbid("io.sluice.server.generation..", HTTP);
        forbid("io.sluice.server.generation..", JSON);
        forbid("io.sluice.server.generation..", OPERATIONS);
        forbid("io.sluice.server.generation..", "io.sluice.server.http..", "io.sluice.server.openai..");
    }

    @Test
    void packages_do_not_depend_on_each_other_in_circles() {
        slices().matching("io.sluice.(**)").should().beFreeOfCycles().check(CLASSES);
    }

    private static void forbid(String module, String... packages) {
        noClasses()
                .that()
                .resideInAPackage(module)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(packages)
                .check(CLASSES);
    }
}
