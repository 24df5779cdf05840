package dev.langchain4j.model.mlx.samples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxModel;
import org.junit.jupiter.api.Test;
import org.springframework.context.ConfigurableApplicationContext;

/** The Spring Boot application, over the demo model. */
class SpringSampleTest {
    private static final String DEMO = System.getProperty("project.root") + "/samples/demo-model/model";

    @Test
    void bothAgentsAnswerOverOneModelUntilTheApplicationEnds() {
        ChatModel chat;
        MlxModel mlx;
        try (ConfigurableApplicationContext application = SpringSample.start(DEMO)) {
            mlx = application.getBean(MlxModel.class);
            chat = application.getBean(ChatModel.class);
            assertThat(((MlxChatModel) chat).model()).isSameAs(mlx);
            assertThat(application
                            .getBean(SpringSample.Booker.class)
                            .chat("ann", "Book 2 seats on the first train from Lisbon to Porto."))
                    .contains("X528");
            long cached = mlx.promptCache().stats().cachedTokens();
            assertThat(application.getBean(SpringSample.Adviser.class).chat("bob", "Hello!"))
                    .isEqualTo("Hello! How can I help you?");
            assertThat(mlx.promptCache().stats().cachedTokens())
                    .as("the system message and the tools were computed for the other agent")
                    .isGreaterThan(cached + 100);
        }
        assertThat(mlx.isClosed()).isTrue();
        assertThatThrownBy(() -> chat.chat("Hello!"))
                .isInstanceOf(NonRetriableException.class)
                .hasMessageContaining("closed");
    }
}
