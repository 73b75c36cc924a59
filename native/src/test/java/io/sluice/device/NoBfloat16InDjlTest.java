package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import io.sluice.device.RunnerSettings.Dtype;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// DJL ends the process when it is given bfloat16, so no class of ours may be able to ask it to.
class NoBfloat16InDjlTest {
    private static final String DATA_TYPE = "ai/djl/ndarray/types/DataType";

    /// `values` and `valueOf` would be ways round.
    private static final List<String> FORBIDDEN = List.of("BFLOAT16", "valueOf", "values", "fromSafetensors");

    @Test
    void noClassNamesDjlsBfloat16() throws Exception {
        List<String> found = new ArrayList<>();
        for (Path file : classFiles(Torch.class)) found.addAll(forbidden(file));
        assertThat(found).isEmpty();
    }

    @Test
    void theSearchFindsAClassThatDoes() throws Exception {
        List<String> found = new ArrayList<>();
        for (Path file : classFiles(NoBfloat16InDjlTest.class)) found.addAll(forbidden(file));
        assertThat(Offender.TYPE).isNotNull();
        assertThat(found).containsExactly("NoBfloat16InDjlTest$Offender.class: BFLOAT16");
    }

    @Test
    void aBfloat16TensorIsNotHandedToDjl() {
        Torch torch = Torch.start(1);
        try (NDManager manager = torch.newManager();
                Tensor tensor = Tensor.empty(Dtype.BFLOAT16, 2, 2)) {
            assertThatThrownBy(() -> tensor.toNDArray(manager)).hasMessage("DJL cannot hold BFLOAT16[2, 2]");
        }
    }

    private static final class Offender {
        static final DataType TYPE = DataType.BFLOAT16;
    }

    private static List<String> forbidden(Path file) throws IOException {
        List<String> found = new ArrayList<>();
        for (PoolEntry entry : ClassFile.of().parse(file).constantPool()) {
            if (entry instanceof MemberRefEntry member
                    && member.owner().asInternalName().equals(DATA_TYPE)
                    && FORBIDDEN.contains(member.name().stringValue())) {
                found.add(file.getFileName() + ": " + member.name().stringValue());
            }
        }
        return found;
    }

    private static List<Path> classFiles(Class<?> oneOfThem) throws IOException, URISyntaxException {
        Path root = Path.of(
                oneOfThem.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (Stream<Path> files = Files.walk(root)) {
            return files.filter(file -> file.toString().endsWith(".class")).toList();
        }
    }
}
