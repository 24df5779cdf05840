package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.memory.chat.MessageWindowChatMemory;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.service.AiServices;
import dev.langchain4j.service.MemoryId;
import dev.langchain4j.service.SystemMessage;
import dev.langchain4j.service.UserMessage;
import java.util.Map;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;

/**
 * A Spring Boot application with two agents over one model, which Spring Boot configures from properties. One agent
 * books, the other one advises. They have a system message and tools in common, so the second one's first prompt is
 * cached but for its question. Option: {@code --model FOLDER_OR_ID}.
 */
public final class SpringSample {
    private SpringSample() {}

    /** Books trains. */
    interface Booker {
        @SystemMessage(AgentSample.SYSTEM)
        String chat(@MemoryId String traveller, @UserMessage String text);
    }

    /** Gives advice about cities. */
    interface Adviser {
        @SystemMessage(AgentSample.SYSTEM)
        String chat(@MemoryId String traveller, @UserMessage String text);
    }

    /** The application's own beans; {@link ChatModel} comes from the library. */
    @SpringBootConfiguration(proxyBeanMethods = false)
    @EnableAutoConfiguration
    static class Application {
        @Bean
        Booker booker(ChatModel model) {
            return agent(Booker.class, model);
        }

        @Bean
        Adviser adviser(ChatModel model) {
            return agent(Adviser.class, model);
        }

        /** Beans of this type hear of all requests. */
        @Bean
        ChatModelListener rounds() {
            return new RoundPrinter(System.out::println);
        }

        private static <A> A agent(Class<A> type, ChatModel model) {
            return AiServices.builder(type)
                    .chatModel(model)
                    .tools(new TravelTools())
                    .chatMemoryProvider(id -> MessageWindowChatMemory.withMaxMessages(60))
                    .build();
        }
    }

    /** Starts the application, asks each agent, and stops it. */
    public static void main(String[] args) {
        Options options = Options.of(
                "spring", "A Spring Boot application with two agents over one model.", args, Options.modelOption());
        try (ConfigurableApplicationContext application = start(options.model())) {
            String trip = "Book 2 seats on the first train from Lisbon to Porto and tell me the weather there.";
            System.out.println("ann> " + trip);
            System.out.println("booker> " + application.getBean(Booker.class).chat("ann", trip) + "\n");
            String question = "Compare the weather in Oslo and Rome.";
            System.out.println("ann> " + question);
            System.out.println("adviser> " + application.getBean(Adviser.class).chat("ann", question));
        }
    }

    /** What application.properties would say, as defaults. */
    static ConfigurableApplicationContext start(String model) {
        return new SpringApplicationBuilder(Application.class)
                .properties(Map.of(
                        "spring.main.banner-mode", "off",
                        "spring.main.log-startup-info", "false",
                        "langchain4j.mlx.model-name", model,
                        "langchain4j.mlx.chat-model.temperature", "0"))
                .run();
    }
}
