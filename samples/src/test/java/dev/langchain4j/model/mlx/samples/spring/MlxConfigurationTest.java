package dev.langchain4j.model.mlx.samples.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.model.chat.ChatModel;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.core.env.MapPropertySource;

/** The beans of a Spring application, over the demo model. */
class MlxConfigurationTest {
    private static final String DEMO = System.getProperty("project.root") + "/samples/demo-model/model";

    @Test
    void theBeansAnswerUntilTheApplicationEnds() {
        ChatModel chat;
        try (AnnotationConfigApplicationContext application = new AnnotationConfigApplicationContext()) {
            application
                    .getEnvironment()
                    .getPropertySources()
                    .addFirst(new MapPropertySource("test", Map.of("mlx.model", DEMO)));
            application.register(MlxConfiguration.class);
            application.refresh();
            chat = application.getBean(ChatModel.class);
            assertThat(chat.chat("Hello!")).isNotBlank();
        }
        assertThatThrownBy(() -> chat.chat("Hello!"))
                .isInstanceOf(NonRetriableException.class)
                .hasMessageContaining("closed");
    }
}
