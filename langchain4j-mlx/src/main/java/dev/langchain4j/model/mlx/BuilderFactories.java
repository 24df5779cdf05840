package dev.langchain4j.model.mlx;

import dev.langchain4j.spi.ServiceHelper;
import java.util.Collection;
import java.util.function.Supplier;

/** Finds the builders of frameworks. */
final class BuilderFactories {
    private BuilderFactories() {}

    /** What the first factory that ServiceLoader finds makes, else what there is without one. */
    static <B> B first(Class<? extends Supplier<B>> factory, Supplier<B> otherwise) {
        Collection<? extends Supplier<B>> factories = ServiceHelper.loadFactories(factory);
        return factories.isEmpty()
                ? otherwise.get()
                : factories.iterator().next().get();
    }
}
