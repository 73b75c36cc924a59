package io.sluice.modelstore;

/// Something that a template can call.
@FunctionalInterface
interface JinjaFunction {
    Object call(JinjaArguments arguments);
}
