package dev.langchain4j.model.mlx.spi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxEmbeddingModel;
import dev.langchain4j.model.mlx.MlxScoringModel;
import dev.langchain4j.model.mlx.MlxStreamingChatModel;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A framework's factory makes the builders that applications get. */
class BuilderFactoriesTest {
    /** Of a framework. */
    public static final class ChatBuilder extends MlxChatModel.Builder {}

    /** Of a framework. */
    public static final class StreamingBuilder extends MlxStreamingChatModel.Builder {}

    /** Of a framework. */
    public static final class EmbeddingBuilder extends MlxEmbeddingModel.Builder {}

    /** Of a framework. */
    public static final class ScoringBuilder extends MlxScoringModel.Builder {}

    /** Makes the first. */
    public static final class ChatFactory implements MlxChatModelBuilderFactory {
        @Override
        public MlxChatModel.Builder get() {
            return new ChatBuilder();
        }
    }

    /** Makes the second. */
    public static final class StreamingFactory implements MlxStreamingChatModelBuilderFactory {
        @Override
        public MlxStreamingChatModel.Builder get() {
            return new StreamingBuilder();
        }
    }

    /** Makes the third. */
    public static final class EmbeddingFactory implements MlxEmbeddingModelBuilderFactory {
        @Override
        public MlxEmbeddingModel.Builder get() {
            return new EmbeddingBuilder();
        }
    }

    /** Makes the fourth. */
    public static final class ScoringFactory implements MlxScoringModelBuilderFactory {
        @Override
        public MlxScoringModel.Builder get() {
            return new ScoringBuilder();
        }
    }

    private static final Map<Class<?>, Class<?>> FACTORIES = Map.of(
            MlxChatModelBuilderFactory.class, ChatFactory.class,
            MlxStreamingChatModelBuilderFactory.class, StreamingFactory.class,
            MlxEmbeddingModelBuilderFactory.class, EmbeddingFactory.class,
            MlxScoringModelBuilderFactory.class, ScoringFactory.class);

    @TempDir
    Path folder;

    private static Map<Class<?>, Supplier<Object>> builders() {
        return Map.of(
                ChatBuilder.class, MlxChatModel::builder,
                StreamingBuilder.class, MlxStreamingChatModel::builder,
                EmbeddingBuilder.class, MlxEmbeddingModel::builder,
                ScoringBuilder.class, MlxScoringModel::builder);
    }

    @Test
    void withoutAFactoryTheBuildersAreTheLibrarys() {
        assertThat(builders().values())
                .allSatisfy(builder ->
                        assertThat(builder.get().getClass().getName()).startsWith("dev.langchain4j.model.mlx.Mlx"));
    }

    @Test
    void aFactoryMakesTheBuilders() throws IOException {
        Path services = Files.createDirectories(folder.resolve("META-INF/services"));
        for (Map.Entry<Class<?>, Class<?>> factory : FACTORIES.entrySet()) {
            Files.writeString(
                    services.resolve(factory.getKey().getName()),
                    factory.getValue().getName());
        }
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (URLClassLoader with = new URLClassLoader(new URL[] {folder.toUri().toURL()}, before)) {
            thread.setContextClassLoader(with);
            builders().forEach((type, builder) -> assertThat(builder.get()).isInstanceOf(type));
        } finally {
            thread.setContextClassLoader(before);
        }
    }
}
