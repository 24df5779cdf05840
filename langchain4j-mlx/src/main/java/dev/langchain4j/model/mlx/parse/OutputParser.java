package dev.langchain4j.model.mlx.parse;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Splits what a model writes into reasoning, answer and tool calls, while it is being written.
 *
 * <p>Text goes on to the sink as soon as it cannot be part of a marker any more. How the output is cut into pieces has no
 * influence on what the pieces add up to. No output makes a parser throw: what begins like a call and is none is
 * reported and stays text. White space between markers and text is dropped, all other text is delivered.
 *
 * <p>For one output, and not thread-safe.
 */
public final class OutputParser {

    private final Input in = new Input();
    private final Machine machine;
    private final TextFlow flow;
    private boolean finished;

    private OutputParser(Builder builder) {
        flow = new TextFlow(builder.sink);
        CallEmitter calls = new CallEmitter(builder.sink, builder.ids);
        machine = builder.reasoning == ReasoningFormat.HARMONY
                ? new HarmonyMachine(flow, calls, builder.tools)
                : builder.toolCalls.recipients() != null
                        ? new RecipientMachine(flow, calls, builder.tools, builder.toolCalls.recipients())
                        : new MarkerMachine(flow, calls, builder);
    }

    /** A parser that delivers to {@code sink}. */
    public static Builder builder(OutputSink sink) {
        return new Builder(sink);
    }

    /** The next piece of the output; control tokens that end the turn are not part of it. */
    public void accept(String piece) {
        if (finished) {
            throw new IllegalStateException("the output is finished");
        }
        in.append(piece);
        machine.run(in);
    }

    /** The output is over: delivers what was held back. Further calls do nothing. */
    public void finish() {
        if (finished) {
            return;
        }
        finished = true;
        in.end();
        machine.run(in);
        flow.end();
    }

    /** Whether the text so far ends inside of the reasoning. */
    public boolean isThinking() {
        return machine.isThinking();
    }

    /** Reads as much of an input as can be understood. */
    interface Machine {
        void run(Input in);

        boolean isThinking();
    }

    /** Settings of a parser. */
    public static final class Builder {

        final OutputSink sink;
        ToolCallFormat toolCalls = ToolCallFormat.NONE;
        ToolSchemas tools = ToolSchemas.none();
        ReasoningFormat reasoning = ReasoningFormat.NONE;
        boolean reasoningOpen;
        Supplier<String> ids = ToolCallIds.random();

        private Builder(OutputSink sink) {
            this.sink = sink;
        }

        /** The format of tool calls; without {@code tools} nothing is read as a call. Default: none. */
        public Builder toolCalls(ToolCallFormat format, ToolSchemas schemas) {
            toolCalls = format;
            tools = schemas;
            return this;
        }

        /**
         * The format of reasoning. Default: none.
         *
         * @param open whether the prompt has opened the reasoning, see {@link ReasoningFormat#opensIn}
         */
        public Builder reasoning(ReasoningFormat format, boolean open) {
            reasoning = format;
            reasoningOpen = open && format != ReasoningFormat.NONE;
            return this;
        }

        /** Where IDs of calls come from that have none. Default: {@link ToolCallIds#random()}. */
        public Builder ids(Supplier<String> supply) {
            ids = supply;
            return this;
        }

        /** The parser. */
        public OutputParser build() {
            return new OutputParser(this);
        }
    }

    /** The machine for formats that set reasoning and calls apart with markers. */
    private static final class MarkerMachine implements Machine {

        private enum Kind {
            REASONING_OPEN,
            REASONING_CLOSE,
            TOOLS,
            IGNORED
        }

        private record Marker(Kind kind, String text) {}

        private final TextFlow flow;
        private final CallEmitter calls;
        private final ToolCallFormat format;
        private final ToolSchemas tools;
        private final ReasoningFormat reasoning;
        private final List<Marker> answerMarkers = new ArrayList<>();
        private final List<Marker> thinkingMarkers = new ArrayList<>();
        /** Markers that only close a block; text unless a call came before. */
        private final List<Marker> strayEnds = new ArrayList<>();
        /** Where the answer is JSON, markers in it are part of its value. */
        private final JsonProgress json = new JsonProgress();

        private boolean thinking;
        private CallReader reader;
        private boolean bareBlock;
        private boolean blockHasCall;
        private int openingLength;

        MarkerMachine(TextFlow flow, CallEmitter calls, Builder builder) {
            this.flow = flow;
            this.calls = calls;
            format = builder.toolCalls;
            tools = builder.tools;
            thinking = builder.reasoningOpen;
            reasoning = builder.reasoning;
            if (reasoning != ReasoningFormat.NONE) {
                Marker close = new Marker(Kind.REASONING_CLOSE, reasoning.close());
                answerMarkers.add(new Marker(Kind.REASONING_OPEN, reasoning.open()));
                answerMarkers.add(close);
                thinkingMarkers.add(close);
                reasoning.ignored().forEach(text -> answerMarkers.add(new Marker(Kind.IGNORED, text)));
                format.headers(tools).forEach(text -> answerMarkers.add(new Marker(Kind.IGNORED, text)));
            }
            if (thinking) {
                flow.marker();
            }
            if (!tools.isEmpty()) {
                for (String start : format.starts()) {
                    answerMarkers.add(new Marker(Kind.TOOLS, start));
                    thinkingMarkers.add(new Marker(Kind.TOOLS, start));
                }
                format.ends().forEach(text -> strayEnds.add(new Marker(Kind.IGNORED, text)));
            }
        }

        @Override
        public boolean isThinking() {
            return thinking && reader == null;
        }

        @Override
        public void run(Input in) {
            while (reader != null ? readBlock(in) : readText(in)) {
                // Each round gets on; it ends when more text is needed.
            }
        }

        /** Passes text on up to the next marker and reads that; false if more text is needed. */
        private boolean readText(Input in) {
            if (in.empty()) {
                return false;
            }
            if (!thinking && opensBareBlock(in)) {
                return true;
            }
            int length = 0;
            while (length < in.available()) {
                char c = in.ahead(length);
                Marker found = null;
                boolean mayGrow = false;
                for (Marker marker : thinking ? thinkingMarkers : answerMarkers) {
                    if (c == marker.text.charAt(0) && (thinking || !json.inString())) {
                        Input.Match match = in.matchAhead(length, marker.text);
                        mayGrow |= match == Input.Match.MAYBE;
                        if (match == Input.Match.YES && (found == null || marker.text.length() > found.text.length())) {
                            found = marker;
                        }
                    }
                }
                if (mayGrow) {
                    pass(in, length);
                    return false;
                }
                if (found != null) {
                    pass(in, length);
                    return readMarker(in, found);
                }
                if (!thinking) {
                    json.accept(c);
                }
                length++;
            }
            pass(in, length);
            return false;
        }

        private void pass(Input in, int length) {
            if (length > 0) {
                String text = in.take(length);
                if (thinking) {
                    flow.thinking(text);
                } else {
                    flow.text(text);
                }
            }
        }

        private boolean readMarker(Input in, Marker marker) {
            if (!thinking && isText(marker)) {
                json.accept(marker.text);
                pass(in, marker.text.length());
                return true;
            }
            if (marker.kind == Kind.TOOLS) {
                Input.Match call = format.opensCall(marker.text, in);
                if (call == Input.Match.MAYBE) {
                    return false;
                }
                if (call == Input.Match.YES) {
                    open(in, marker.text);
                    return true;
                }
                in.skip(marker.text.length());
                flow.marker();
                return true;
            }
            in.skip(marker.text.length());
            thinking = marker.kind == Kind.REASONING_OPEN;
            flow.marker();
            return true;
        }

        /** Prose about a tag, for reasoning comes before the answer; and whatever a JSON value has in it. */
        private boolean isText(Marker marker) {
            return switch (marker.kind) {
                case REASONING_OPEN -> flow.hasText() && !reasoning.opensAnywhere() || json.inValue();
                case REASONING_CLOSE -> flow.hasText() && !reasoning.closesAnywhere() || json.inValue();
                case IGNORED -> json.inValue();
                case TOOLS -> false;
            };
        }

        /** Opens a block without a marker, which only the beginning of an answer can be. */
        private boolean opensBareBlock(Input in) {
            if (tools.isEmpty() || format.bareStarts().isEmpty() || flow.hasText()) {
                return false;
            }
            int blank = 0;
            while (blank < in.available() && Character.isWhitespace(in.ahead(blank))) {
                blank++;
            }
            if (blank == in.available() || format.bareStarts().indexOf(in.ahead(blank)) < 0) {
                return false;
            }
            pass(in, blank);
            open(in, "");
            return true;
        }

        private void open(Input in, String start) {
            in.mark();
            in.skip(start.length());
            openingLength = start.length();
            bareBlock = start.isEmpty();
            blockHasCall = false;
            reader = format.open(start, calls, tools);
        }

        /** Lets the reader of the open block get on; false if more text is needed. */
        private boolean readBlock(Input in) {
            CallReader.Step step = reader.step(in);
            if (reader.pollCallEnded()) {
                in.mark();
                openingLength = 0;
                blockHasCall = true;
                answerMarkers.addAll(strayEnds);
                strayEnds.clear();
                thinking = false;
                flow.marker();
            }
            switch (step) {
                case WAIT -> {
                    if (!in.ended()) {
                        return false;
                    }
                    if (reader.mayEnd() && in.empty()) {
                        close(in);
                    } else {
                        in.skip(in.available());
                        giveBack(in, "the output ended inside of a tool call");
                    }
                }
                case DONE -> close(in);
                case FAILED -> giveBack(in, reader.failure());
                case AGAIN -> {}
            }
            return true;
        }

        private void close(Input in) {
            in.unmark();
            reader = null;
            flow.marker();
        }

        /** The block is no call (any more): what was not read as one is text again, from a nested opening on unread. */
        private void giveBack(Input in, String reason) {
            String raw = in.sinceMark();
            int nested = -1;
            for (String start : format.starts()) {
                int found = raw.indexOf(start, Math.max(openingLength, 1));
                nested = found >= 0 && (nested < 0 || found < nested) ? found : nested;
            }
            if (nested >= 0) {
                in.seekAfterMark(nested);
                raw = raw.substring(0, nested);
            }
            in.unmark();
            reader = null;
            if (raw.isBlank()) {
                return;
            }
            if (thinking) {
                flow.thinking(raw);
            } else if (bareBlock && !blockHasCall) {
                json.accept(raw);
                flow.text(raw);
            } else {
                json.accept(raw);
                flow.malformed(raw, reason);
            }
        }
    }
}
