package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.mlx.MlxChatModel;
import dev.langchain4j.model.mlx.MlxModel;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/**
 * Shows pictures and asks a model about them, by default those of {@code samples/see-model} and the tiny model that was
 * trained there.
 */
public final class SeeSample {
    private static final List<String> QUESTIONS = List.of("What number is it?", "What colour is it?");
    private static final int COLUMNS = 32;
    private static final String SHADES = " .:-=+*#%@";

    private SeeSample() {}

    /** Prints each picture, and the answers. */
    public static void main(String[] args) throws IOException {
        Options options = Options.of(
                "see",
                "Images, and what a model answers about them.",
                args,
                Options.text("model", "FOLDER_OR_ID", "a multimodal model; default: that of samples/see-model"),
                Options.text("picture", "FILE_OR_FOLDER", "image files; default: those of samples/see-model"),
                Options.text("question", "TEXT", "instead of the script"));
        String model = options.path("model", "samples/see-model/model").toString();
        List<String> questions = options.has("question") ? List.of(options.text("question", "")) : QUESTIONS;
        try (MlxModel mlx = MlxModel.builder().modelName(model).build()) {
            MlxChatModel chat = MlxChatModel.builder()
                    .model(mlx)
                    .temperature(0.0)
                    .maxOutputTokens(200)
                    .build();
            for (Path picture : pictures(options)) {
                System.out.println(picture.getFileName());
                System.out.println(drawn(ImageIO.read(picture.toFile())));
                ask(chat, picture, questions);
            }
        }
    }

    private static List<Path> pictures(Options options) throws IOException {
        Path given = options.path("picture", "samples/see-model/pictures");
        if (!Files.isDirectory(given)) {
            return List.of(given);
        }
        try (Stream<Path> files = Files.list(given)) {
            return files.filter(file -> file.toString().endsWith(".png"))
                    .sorted()
                    .toList();
        }
    }

    /** One conversation: the picture comes with the first question. */
    private static void ask(MlxChatModel chat, Path picture, List<String> questions) {
        ImageContent image = ImageContent.from(picture.toAbsolutePath().toUri());
        List<ChatMessage> messages = new ArrayList<>();
        for (String question : questions) {
            messages.add(
                    messages.isEmpty()
                            ? UserMessage.from(image, TextContent.from(question))
                            : UserMessage.from(question));
            AiMessage answer = chat.chat(messages).aiMessage();
            messages.add(answer);
            System.out.println(question + " " + answer.text().strip());
        }
        System.out.println();
    }

    /** The picture in lines of half blocks in colour for a terminal, and of letters by brightness for a file. */
    private static String drawn(BufferedImage picture) {
        boolean colours = System.console() != null && System.console().isTerminal();
        int rows = Math.max(2, COLUMNS * picture.getHeight() / picture.getWidth());
        StringBuilder lines = new StringBuilder();
        for (int y = 0; y + 1 < rows; y += 2) {
            for (int x = 0; x < COLUMNS; x++) {
                int top = pixel(picture, x, y, rows);
                int bottom = pixel(picture, x, y + 1, rows);
                lines.append(colours ? halfBlock(top, bottom) : letter(top, bottom));
            }
            lines.append(colours ? "\u001b[0m\n" : "\n");
        }
        return lines.toString();
    }

    private static int pixel(BufferedImage picture, int x, int y, int rows) {
        return picture.getRGB(
                (2 * x + 1) * picture.getWidth() / (2 * COLUMNS), (2 * y + 1) * picture.getHeight() / (2 * rows));
    }

    private static String halfBlock(int top, int bottom) {
        return "\u001b[38;2;%d;%d;%dm\u001b[48;2;%d;%d;%dm\u2580"
                .formatted(
                        top >> 16 & 255,
                        top >> 8 & 255,
                        top & 255,
                        bottom >> 16 & 255,
                        bottom >> 8 & 255,
                        bottom & 255);
    }

    private static String letter(int top, int bottom) {
        int brightness = (brightness(top) + brightness(bottom)) / 2;
        return SHADES.substring(brightness * SHADES.length() / 256).substring(0, 1);
    }

    private static int brightness(int rgb) {
        return ((rgb >> 16 & 255) + (rgb >> 8 & 255) + (rgb & 255)) / 3;
    }
}
