package dev.langchain4j.model.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.invocation.InvocationContext;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.observability.api.AiServiceListenerRegistrar;
import dev.langchain4j.observability.api.DefaultAiServiceListenerRegistrar;
import dev.langchain4j.observability.api.event.AiServiceRequestIssuedEvent;
import dev.langchain4j.observability.api.listener.AiServiceRequestIssuedListener;
import dev.langchain4j.spi.observability.AiServiceListenerRegistrarFactory;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MlxAiServiceListenerRegistrarFactoryTest {
    private static final String SERVICE = "META-INF/services/" + AiServiceListenerRegistrarFactory.class.getName();

    /** A vendor that always gives the same registrar, and counts what is registered there. */
    public static final class SharedVendor implements AiServiceListenerRegistrarFactory {
        static final AtomicInteger registrations = new AtomicInteger();
        static final AiServiceListenerRegistrar shared = new DefaultAiServiceListenerRegistrar() {
            @Override
            public void register(
                    Iterable<? extends dev.langchain4j.observability.api.listener.AiServiceListener<?>> all) {
                registrations.incrementAndGet();
                super.register(all);
            }
        };

        @Override
        public AiServiceListenerRegistrar get() {
            return shared;
        }
    }

    /** A vendor that asks whoever else there is, as we do. */
    public static final class ChainingVendor implements AiServiceListenerRegistrarFactory {
        @Override
        public AiServiceListenerRegistrar get() {
            return new MlxAiServiceListenerRegistrarFactory().get();
        }
    }

    @TempDir
    Path folder;

    @Test
    void langchain4jFindsItAndItMakesANewRegistrarEachTime() {
        AiServiceListenerRegistrar first = AiServiceListenerRegistrar.newInstance();
        AiServiceListenerRegistrar second = AiServiceListenerRegistrar.newInstance();

        assertThat(first)
                .isExactlyInstanceOf(DefaultAiServiceListenerRegistrar.class)
                .isNotSameAs(second);
        assertListens(first);
        assertListens(second);
    }

    @Test
    void anotherVendorsRegistrarIsUsedAndGetsOurListenersOnce() throws Exception {
        withVendor(SharedVendor.class, () -> {
            assertThat(AiServiceListenerRegistrar.newInstance()).isSameAs(SharedVendor.shared);
            return AiServiceListenerRegistrar.newInstance();
        });

        assertThat(SharedVendor.registrations).hasValue(1);
        AtomicInteger vendorsOwn = new AtomicInteger();
        SharedVendor.shared.register((AiServiceRequestIssuedListener) event -> vendorsOwn.incrementAndGet());
        assertListens(SharedVendor.shared);
        assertThat(vendorsOwn).hasValue(1);
    }

    @Test
    void twoFactoriesThatChainDoNotChaseEachOther() throws Exception {
        assertListens(withVendor(ChainingVendor.class, AiServiceListenerRegistrar::newInstance));
    }

    private static void assertListens(AiServiceListenerRegistrar registrar) {
        ChatRequest request =
                ChatRequest.builder().messages(UserMessage.from("hi")).build();
        registrar.fireEvent(AiServiceRequestIssuedEvent.builder()
                .request(request)
                .invocationContext(InvocationContext.builder()
                        .invocationId(UUID.randomUUID())
                        .interfaceName("org.example.Assistant")
                        .chatMemoryId("ann")
                        .build())
                .build());

        assertThat(MemoryIds.memoryIdOf(request)).isEqualTo(new MlxMemoryId("org.example.Assistant", "ann"));
    }

    /** Runs with one more factory on the context class path, behind ours. */
    private <T> T withVendor(Class<?> factory, Supplier<T> action) throws IOException {
        Path file = folder.resolve(SERVICE);
        Files.createDirectories(file.getParent());
        Files.writeString(file, factory.getName());
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (URLClassLoader loader = new URLClassLoader(
                new URL[] {folder.toUri().toURL()}, getClass().getClassLoader())) {
            thread.setContextClassLoader(loader);
            return action.get();
        } finally {
            thread.setContextClassLoader(before);
        }
    }
}
