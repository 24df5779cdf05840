package dev.langchain4j.model.mlx.parse;

import java.util.function.Supplier;

/**
 * Splits what a model writes into reasoning, answer and tool calls, while it is being written.
 *
 * <p>Text goes on to the sink as soon as it cannot be part of a marker any more. How the output is cut into pieces has
 * no influence on what the pieces add up to. No output makes a parser throw: what begins like a call and is none is
 * reported and stays text. Calls in a code fence or between backticks are examples, and text; calls in reasoning that
 * is closed later were only thought of. White space between markers and text is dropped, all other text is delivered.
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
        CallEmitter calls = new CallEmitter(builder.sink, builder.ids, builder.tools);
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
        finish(false);
    }

    /**
     * The output is over: delivers what was held back. Further calls do nothing.
     *
     * @param cut whether a limit ended the output, not the model: a call that is not whole is dropped then, and so is
     *     the beginning of a marker
     */
    public void finish(boolean cut) {
        if (finished) {
            return;
        }
        finished = true;
        in.end(cut);
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
        CallFormat toolCalls = CallFormat.NONE;
        ToolSchemas tools = ToolSchemas.none();
        ReasoningFormat reasoning = ReasoningFormat.NONE;
        boolean reasoningOpen;
        Supplier<String> ids = ToolCallIds.random();

        private Builder(OutputSink sink) {
            this.sink = sink;
        }

        /** The format of tool calls; without {@code tools} nothing is read as a call. Default: none. */
        public Builder toolCalls(CallFormat format, ToolSchemas schemas) {
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
}
