package dev.langchain4j.model.mlx.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.mlx.LiveHandles;
import dev.langchain4j.model.TokenCountEstimator;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.listener.ChatModelResponseContext;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxMetrics;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.testing.DemoModel;
import dev.langchain4j.model.mlx.testing.Goldens;
import dev.langchain4j.model.scoring.ScoringModel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.context.annotation.ImportCandidates;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** What Spring Boot makes of properties and beans; runs with Spring Boot 3.5 and with 4 (see pom.xml). */
class MlxAutoConfigurationTest {
    private static final String HEALTH = "mlxHealthIndicator";

    private static final Class<?>[] ALL = {
        MlxAutoConfiguration.class, MlxChatAutoConfiguration.class, MlxActuatorAutoConfiguration.class
    };

    private final long handles = LiveHandles.count();
    private final ApplicationContextRunner plain =
            new ApplicationContextRunner().withConfiguration(AutoConfigurations.of(ALL));
    private final ApplicationContextRunner demo = plain.withPropertyValues(
            "langchain4j.mlx.model-path=" + DemoModel.folder(), "langchain4j.mlx.chat-model.temperature=0");

    @AfterEach
    void nothingIsLeft() {
        assertThat(LiveHandles.count()).isEqualTo(handles);
    }

    @Test
    void springBootFindsIt() {
        assertThat(ImportCandidates.load(
                        org.springframework.boot.autoconfigure.AutoConfiguration.class,
                        getClass().getClassLoader()))
                .contains(Stream.of(ALL).map(Class::getName).toArray(String[]::new));
    }

    @Test
    void withoutAModelThereIsNothing() {
        plain.run(context -> assertThat(context)
                .hasNotFailed()
                .doesNotHaveBean(MlxModel.class)
                .doesNotHaveBean(ChatModel.class)
                .doesNotHaveBean(EmbeddingModel.class)
                .doesNotHaveBean(ScoringModel.class)
                .doesNotHaveBean(MlxMetrics.class)
                .doesNotHaveBean(HEALTH));
    }

    @Test
    void aPathIsAModelWithBothChatModels() {
        AtomicReference<MlxModel> loaded = new AtomicReference<>();
        AtomicReference<ChatModel> chat = new AtomicReference<>();
        demo.run(context -> {
            assertThat(context)
                    .hasNotFailed()
                    .hasSingleBean(ChatModel.class)
                    .hasSingleBean(StreamingChatModel.class)
                    .hasSingleBean(TokenCountEstimator.class)
                    .hasSingleBean(MlxMetrics.class)
                    .hasBean(HEALTH);
            loaded.set(context.getBean(MlxModel.class));
            chat.set(context.getBean(ChatModel.class));
            assertThat(chat.get().chat("Hello!")).isEqualTo("Hello! How can I help you?");
            assertThat(((MlxChatModel) chat.get()).model()).isSameAs(loaded.get());
        });
        assertThat(loaded.get().isClosed())
                .as("the application's end closes it")
                .isTrue();
        assertThatThrownBy(() -> chat.get().chat("Hello!")).isInstanceOf(NonRetriableException.class);
    }

    @Test
    void anApplicationThatStopsLetsItsRequestsEnd() {
        AtomicReference<CompletableFuture<String>> running = new AtomicReference<>();
        demo.withPropertyValues("langchain4j.mlx.grace-period=2m").run(context -> {
            ChatModel chat = context.getBean(ChatModel.class);
            running.set(CompletableFuture.supplyAsync(() -> chat.chat("Hello! ".repeat(500))));
            while (context.getBean(MlxModel.class).promptCache().stats().bytesRunning() == 0) {
                Thread.sleep(1);
            }
        });
        assertThat(running.get().join()).isNotEmpty();
    }

    @Test
    void propertiesAreTheBuildersSettings() {
        demo.withPropertyValues(
                        "langchain4j.mlx.context-length=512",
                        "langchain4j.mlx.max-concurrent=3",
                        "langchain4j.mlx.grace-period=20s",
                        "langchain4j.mlx.chat-model.max-output-tokens=3",
                        "langchain4j.mlx.chat-model.timeout=30s",
                        "langchain4j.mlx.chat-model.stop-sequences=one,two",
                        "langchain4j.mlx.chat-model.context-overflow=drop-oldest-turns")
                .run(context -> {
                    assertThat(context.getBean(MlxModel.class).contextLength()).isEqualTo(512);
                    MlxChatModel chat = context.getBean(MlxChatModel.class);
                    assertThat(chat.defaultRequestParameters().maxOutputTokens())
                            .isEqualTo(3);
                    assertThat(chat.defaultRequestParameters().stopSequences()).containsExactly("one", "two");
                });
    }

    @Test
    void aBadValueFailsTheStartWithItsNameAndRule() {
        demo.withPropertyValues("langchain4j.mlx.context-length=0").run(context -> assertThat(context)
                .getFailure()
                .rootCause()
                .hasMessage("contextLength (0) must be at least 1"));
        demo.withPropertyValues("langchain4j.mlx.chat-model.temperature=-1")
                .run(context ->
                        assertThat(context).getFailure().rootCause().hasMessageStartingWith("temperature (-1.0) must"));
        plain.withPropertyValues("langchain4j.mlx.model-name=a/b", "langchain4j.mlx.model-path=c")
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .hasMessageContaining("must be set, and only one of them"));
    }

    @Test
    void aMisspelledPropertyFailsTheStart() {
        for (String name : List.of("langchain4j.mlx.context-size", "langchain4j.mlx.chat-model.temprature")) {
            plain.withPropertyValues(name + "=1").run(context -> assertThat(context)
                    .getFailure()
                    .rootCause()
                    .hasMessage("The elements [" + name + "] were left unbound."));
        }
    }

    @Test
    void itCanBeSwitchedOff() {
        demo.withPropertyValues("langchain4j.mlx.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(MlxModel.class));
    }

    @Test
    void theApplicationsOwnModelsWin() {
        ChatModel own = new ChatModel() {};
        demo.withBean("own", ChatModel.class, () -> own).run(context -> {
            assertThat(context.getBean(ChatModel.class)).isSameAs(own);
            assertThat(context).hasSingleBean(StreamingChatModel.class);
        });
        try (MlxModel mlx = MlxModel.load(DemoModel.folder())) {
            plain.withBean(MlxModel.class, () -> mlx).run(context -> assertThat(
                            context.getBean(MlxChatModel.class).model())
                    .isSameAs(mlx));
        }
    }

    @Test
    void ofSeveralModelsThePrimaryOneHasChatModels() {
        Supplier<MlxModel> load = () -> MlxModel.load(DemoModel.folder());
        ApplicationContextRunner both =
                plain.withBean("one", MlxModel.class, load).withBean("other", MlxModel.class, load);
        both.run(context -> assertThat(context)
                .hasNotFailed()
                .doesNotHaveBean(ChatModel.class)
                .doesNotHaveBean(MlxMetrics.class)
                .doesNotHaveBean(HEALTH));
        both.withInitializer(context ->
                        context.getBeanFactory().getBeanDefinition("other").setPrimary(true))
                .run(context ->
                        assertThat(context.getBean(MlxChatModel.class).model()).isSameAs(context.getBean("other")));
    }

    @Test
    void customizersComeAfterTheProperties() {
        demo.withPropertyValues("langchain4j.mlx.context-length=512")
                .withBean(MlxModelCustomizer.class, () -> builder -> builder.contextLength(256))
                .run(context -> assertThat(context.getBean(MlxModel.class).contextLength())
                        .isEqualTo(256));
    }

    @Test
    void listenersAndMetersHearOfRequests() {
        List<String> heard = Collections.synchronizedList(new ArrayList<>());
        ChatModelListener listener = new ChatModelListener() {
            @Override
            public void onResponse(ChatModelResponseContext context) {
                heard.add(context.chatResponse().aiMessage().text());
            }
        };
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        demo.withBean(ChatModelListener.class, () -> listener).run(context -> {
            context.getBean(MlxMetrics.class).bindTo(registry);
            context.getBean(ChatModel.class).chat("Hello!");
            assertThat(heard).containsExactly("Hello! How can I help you?");
            assertThat(registry.get("langchain4j.mlx.running.time").timer().count())
                    .isOne();
        });
        assertThat(registry.getMeters()).as("closed with the application").isEmpty();
    }

    @Test
    void healthIsUpUntilTheModelIsClosed() {
        demo.run(context -> {
            assertThat(health(context.getBean(HEALTH))).contains("UP").contains("model=model,");
            context.getBean(MlxModel.class).close();
            assertThat(health(context.getBean(HEALTH))).contains("DOWN");
        });
        demo.withPropertyValues("management.health.mlx.enabled=false")
                .run(context -> assertThat(context).doesNotHaveBean(HEALTH));
    }

    /**
     * The indicator's type is another one in each version of Spring Boot, and that of the other one cannot be loaded.
     */
    private static String health(Object indicator) throws ReflectiveOperationException {
        Method health = indicator.getClass().getDeclaredMethod("health");
        return health.invoke(indicator).toString();
    }

    @Test
    void embeddingAndScoringModelsHaveNamesOfTheirOwn() {
        String folder = Goldens.own("embeddings").resolve("qwen3-last").toString();
        plain.withPropertyValues(
                        "langchain4j.mlx.embedding-model.model-path=" + folder,
                        "langchain4j.mlx.scoring-model.model-path=" + folder)
                .run(context -> {
                    assertThat(context).hasSingleBean(EmbeddingModel.class).hasSingleBean(ScoringModel.class);
                    assertThat(context).doesNotHaveBean(ChatModel.class);
                    assertThat(context.getBean(EmbeddingModel.class).dimension())
                            .isPositive();
                });
    }

    @Test
    void anApplicationNeedsNeitherMicrometerNorTheActuator() {
        demo.withClassLoader(new FilteredClassLoader(
                        "io.micrometer", "org.springframework.boot.actuate", "org.springframework.boot.health"))
                .run(context -> assertThat(context)
                        .hasNotFailed()
                        .hasSingleBean(ChatModel.class)
                        .doesNotHaveBean("mlxMetrics")
                        .doesNotHaveBean(HEALTH));
    }

    /** As devtools restarts it: a new context loads the model anew, and the old one leaves nothing. */
    @Test
    void aRestartLoadsTheModelAnew() {
        for (Map.Entry<String, Integer> run :
                Map.of("first", 300, "second", 400).entrySet()) {
            demo.withPropertyValues("langchain4j.mlx.context-length=" + run.getValue())
                    .run(context -> assertThat(context.getBean(MlxModel.class).contextLength())
                            .isEqualTo(run.getValue()));
            assertThat(LiveHandles.count()).isEqualTo(handles);
        }
    }
}
