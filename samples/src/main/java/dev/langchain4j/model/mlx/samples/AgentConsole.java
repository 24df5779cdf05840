package dev.langchain4j.model.mlx.samples;

import java.io.IOException;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.AttributedString;
import org.jline.utils.AttributedStyle;

/** A terminal to talk in, with colours where it has them, and a history that stays. */
final class AgentConsole implements AutoCloseable {
    private static final AttributedStyle YOU = AttributedStyle.BOLD.foreground(AttributedStyle.CYAN);
    private static final AttributedStyle DESK = AttributedStyle.BOLD.foreground(AttributedStyle.GREEN);
    private static final AttributedStyle QUIET = AttributedStyle.DEFAULT.foreground(AttributedStyle.BRIGHT);
    private static final AttributedStyle BAD = AttributedStyle.DEFAULT.foreground(AttributedStyle.RED);

    private final Terminal terminal;
    private final LineReader reader;

    AgentConsole() throws IOException {
        terminal = TerminalBuilder.builder().dumb(true).build();
        reader = LineReaderBuilder.builder()
                .terminal(terminal)
                .variable(
                        LineReader.HISTORY_FILE,
                        Path.of(System.getProperty("user.home"), ".cache", "langchain4j-mlx", "agent-history"))
                .build();
    }

    /** Reads questions and prints answers until an empty line, Ctrl+C or Ctrl+D. */
    void talk(UnaryOperator<String> answer) {
        print(
                QUIET,
                "Ask about weather, trains, bookings and money. Arrow up brings earlier questions; an empty line ends.");
        while (true) {
            String question = read();
            if (question.isBlank()) {
                return;
            }
            try {
                String text = answer.apply(question);
                terminal.writer().println(styled(DESK, "desk> ") + text + "\n");
            } catch (RuntimeException e) {
                print(BAD, e.getMessage());
            }
            terminal.flush();
        }
    }

    private String read() {
        try {
            return reader.readLine(styled(YOU, "you> "));
        } catch (UserInterruptException | EndOfFileException e) {
            return "";
        }
    }

    /** Prints what goes on between a question and its answer. */
    void quiet(String line) {
        print(QUIET, line);
    }

    private void print(AttributedStyle style, String line) {
        terminal.writer().println(styled(style, line));
        terminal.flush();
    }

    private String styled(AttributedStyle style, String text) {
        return new AttributedString(text, style).toAnsi(terminal);
    }

    @Override
    public void close() throws IOException {
        terminal.close();
    }
}
