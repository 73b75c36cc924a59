package io.sluice.benchmarks.micro;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.Instruction;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.LabelTarget;
import java.lang.classfile.instruction.LookupSwitchInstruction;
import java.lang.classfile.instruction.ReturnInstruction;
import java.lang.classfile.instruction.TableSwitchInstruction;
import java.lang.classfile.instruction.ThrowInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.util.List;

/// Loads Sluice's own classes so that they count the bytecode instructions that they execute: at the beginning of every
/// stretch that is executed as a whole, its length is added to `ExecutedInstructions`. The same program on the same
/// inputs counts the same on every machine and whatever else it does. What the JDK executes is not counted. Any thread.
final class CountingClasses extends ClassLoader {
    private static final String OURS = "io.sluice.";
    private static final String COUNTER = ExecutedInstructions.class.getName();
    private static final ClassDesc COUNTER_DESC = ClassDesc.of(COUNTER);

    CountingClasses() {
        super("counting", CountingClasses.class.getClassLoader());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith(OURS) || name.equals(COUNTER)) return super.loadClass(name, resolve);
        synchronized (getClassLoadingLock(name)) {
            Class<?> known = findLoadedClass(name);
            return known != null ? known : define(name);
        }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
        String file = name.replace('.', '/') + ".class";
        try (InputStream in = getParent().getResourceAsStream(file)) {
            if (in == null) throw new ClassNotFoundException(name);
            byte[] counting = counting(in.readAllBytes());
            return defineClass(name, counting, 0, counting.length, CountingClasses.class.getProtectionDomain());
        } catch (IOException e) {
            throw new ClassNotFoundException(name, e);
        }
    }

    private static byte[] counting(byte[] bytes) {
        ClassFile files = ClassFile.of();
        return files.transformClass(files.parse(bytes), ClassTransform.ofStateful(() -> (builder, element) -> {
            if (!(element instanceof MethodModel method)) {
                builder.with(element);
                return;
            }
            builder.transformMethod(method, (methodBuilder, part) -> {
                if (part instanceof CodeModel code) methodBuilder.withCode(out -> write(code.elementList(), out));
                else methodBuilder.with(part);
            });
        }));
    }

    private static void write(List<CodeElement> elements, CodeBuilder out) {
        boolean begins = true;
        for (int i = 0; i < elements.size(); i++) {
            CodeElement element = elements.get(i);
            if (element instanceof LabelTarget) begins = true;
            if (element instanceof Instruction && begins) {
                out.getstatic(COUNTER_DESC, "count", ConstantDescs.CD_long)
                        .loadConstant(lengthFrom(elements, i))
                        .ladd()
                        .putstatic(COUNTER_DESC, "count", ConstantDescs.CD_long);
                begins = false;
            }
            out.with(element);
            if (endsStretch(element)) begins = true;
        }
    }

    /// Instructions from `first` on up to the next place that is jumped to or from.
    private static long lengthFrom(List<CodeElement> elements, int first) {
        long length = 0;
        for (int i = first; i < elements.size(); i++) {
            CodeElement element = elements.get(i);
            if (element instanceof LabelTarget) break;
            if (element instanceof Instruction) length++;
            if (endsStretch(element)) break;
        }
        return length;
    }

    private static boolean endsStretch(CodeElement element) {
        return element instanceof BranchInstruction
                || element instanceof TableSwitchInstruction
                || element instanceof LookupSwitchInstruction
                || element instanceof ReturnInstruction
                || element instanceof ThrowInstruction;
    }
}
