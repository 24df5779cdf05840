package dev.langchain4j.model.mlx;

import dev.langchain4j.observability.api.AiServiceListenerRegistrar;
import dev.langchain4j.observability.api.DefaultAiServiceListenerRegistrar;
import dev.langchain4j.spi.observability.AiServiceListenerRegistrarFactory;
import java.util.Collections;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.WeakHashMap;

/**
 * Makes requests of AI services carry their memory ID to the models of this library, without any configuration.
 * LangChain4j finds it by {@link ServiceLoader}; applications need not use it. It replaces LangChain4j's default, and
 * delegates to another library's factory if there is one. Thread-safe.
 */
public final class MlxAiServiceListenerRegistrarFactory implements AiServiceListenerRegistrarFactory {

    /** Registrars that listen already: another library's factory may return the same one again and again. */
    private static final Set<AiServiceListenerRegistrar> LISTENING =
            Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

    /** Set while another factory makes the registrar: it may chain as this one does, and come back here. */
    private static final ScopedValue<Boolean> CHAINING = ScopedValue.newInstance();

    /** For {@link ServiceLoader}. */
    public MlxAiServiceListenerRegistrarFactory() {}

    /** Another library's registrar, else LangChain4j's default one, with this library's listeners. */
    @Override
    public AiServiceListenerRegistrar get() {
        if (CHAINING.isBound()) {
            return new DefaultAiServiceListenerRegistrar();
        }
        AiServiceListenerRegistrar registrar =
                ScopedValue.where(CHAINING, true).call(MlxAiServiceListenerRegistrarFactory::next);
        if (LISTENING.add(registrar)) {
            registrar.register(MemoryIds.LISTENERS);
        }
        return registrar;
    }

    private static AiServiceListenerRegistrar next() {
        return ServiceLoader.load(AiServiceListenerRegistrarFactory.class).stream()
                .filter(provider ->
                        !provider.type().getName().equals(MlxAiServiceListenerRegistrarFactory.class.getName()))
                .findFirst()
                .map(provider -> provider.get().get())
                .orElseGet(DefaultAiServiceListenerRegistrar::new);
    }
}
