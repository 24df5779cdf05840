package dev.langchain4j.model.mlx.parse;

import java.util.List;
import java.util.Set;

/**
 * gpt-oss' Harmony: messages with a header (channel, recipient) and a body. Analysis is reasoning, a message to
 * {@code functions.NAME} is a call, all the rest is answer.
 */
final class HarmonyMachine implements OutputParser.Machine {

    private static final String MESSAGE = "<|message|>";
    private static final String CHANNEL = "<|channel|>";
    private static final String START = "<|start|>";
    private static final List<String> OPENINGS = List.of(CHANNEL, START, MESSAGE, " to=", "to=");
    private static final List<String> BODY_ENDS = List.of("<|end|>", "<|call|>", "<|return|>", START, CHANNEL);
    /** Recipients that are no tools. */
    private static final Set<String> PEOPLE = Set.of("user", "assistant", "system", "developer", "all", "self");

    private static final int HEADER_MAX = 400;

    private enum State {
        /** Directly behind the prompt, whose last words open a message. */
        BEGIN,
        HEADER,
        THINKING,
        TEXT,
        ARGUMENTS
    }

    private final TextFlow flow;
    private final MessageCall call;
    private final ToolSchemas tools;
    private State state = State.BEGIN;

    HarmonyMachine(TextFlow flow, CallEmitter calls, ToolSchemas tools) {
        this.flow = flow;
        this.call = new MessageCall(flow, calls, BODY_ENDS);
        this.tools = tools;
    }

    @Override
    public boolean isThinking() {
        return state == State.THINKING;
    }

    @Override
    public void run(Input in) {
        while ((!in.empty() || in.ended() && state == State.ARGUMENTS) && step(in)) {
            // Each round gets on; it ends when more text is needed.
        }
    }

    private boolean step(Input in) {
        return switch (state) {
            case BEGIN -> begin(in);
            case HEADER -> header(in);
            case THINKING, TEXT -> body(in);
            case ARGUMENTS -> arguments(in);
        };
    }

    private boolean begin(Input in) {
        boolean mayGrow = false;
        for (String opening : OPENINGS) {
            Input.Match match = in.match(opening);
            if (match == Input.Match.YES) {
                in.mark();
                state = State.HEADER;
                return true;
            }
            mayGrow |= match == Input.Match.MAYBE;
        }
        if (mayGrow) {
            in.skip(in.ended() ? in.available() : 0);
            return false;
        }
        state = State.TEXT;
        return true;
    }

    private boolean header(Input in) {
        int length = in.find(MESSAGE);
        if (length < 0 && in.cut() && in.available() < HEADER_MAX) {
            // Markup that was cut is no text.
            in.unmark();
            in.skip(in.available());
            return false;
        }
        if (length > HEADER_MAX || length < 0 && (in.available() >= HEADER_MAX + MESSAGE.length() || in.ended())) {
            // Not a header after all: its first character is text, and so is what follows.
            in.unmark();
            state = State.TEXT;
            flow.text(in.take(1));
            return true;
        }
        if (length < 0) {
            return false;
        }
        String header = in.take(length);
        in.skip(MESSAGE.length());
        flow.marker();
        String name = recipient(header);
        if (!name.isEmpty() && !tools.isEmpty() && !PEOPLE.contains(name)) {
            call.begin(name);
            state = State.ARGUMENTS;
            return true;
        }
        in.unmark();
        boolean analysis = header.contains(CHANNEL + "analysis");
        state = analysis ? State.THINKING : State.TEXT;
        separate(analysis);
        return true;
    }

    /** Two messages of a kind are paragraphs. */
    private void separate(boolean analysis) {
        if (analysis && flow.hasThinking()) {
            flow.thinking("\n\n");
        } else if (!analysis && flow.hasText()) {
            flow.text("\n\n");
        }
    }

    /** The tool that a header names, known or not; empty for none. */
    private String recipient(String header) {
        int at = header.indexOf("to=");
        if (at < 0) {
            return "";
        }
        int end = at + 3;
        while (end < header.length() && CallReader.isNamePart(header.charAt(end))) {
            end++;
        }
        String recipient = header.substring(at + 3, end);
        if (recipient.startsWith("functions.")) {
            recipient = recipient.substring("functions.".length());
        }
        return tools.named(recipient);
    }

    private boolean body(Input in) {
        int length = 0;
        while (length < in.available()) {
            if (in.ahead(length) == '<') {
                boolean mayGrow = false;
                for (String end : BODY_ENDS) {
                    Input.Match match = in.matchAhead(length, end);
                    if (match == Input.Match.YES) {
                        pass(in, length);
                        endBody(in, end);
                        return true;
                    }
                    mayGrow |= match == Input.Match.MAYBE;
                }
                if (mayGrow) {
                    pass(in, length);
                    return false;
                }
            }
            length++;
        }
        pass(in, length);
        return false;
    }

    private void pass(Input in, int length) {
        if (length > 0) {
            String text = in.take(length);
            if (state == State.THINKING) {
                flow.thinking(text);
            } else {
                flow.text(text);
            }
        }
    }

    private void endBody(Input in, String end) {
        if (end.equals(START) || end.equals(CHANNEL)) {
            in.mark();
            state = State.HEADER;
        } else {
            in.skip(end.length());
            flow.marker();
            state = State.BEGIN;
        }
    }

    private boolean arguments(Input in) {
        boolean over = call.read(in);
        state = over ? State.TEXT : state;
        return over;
    }
}
