package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.mlx.calls.CallWriter;
import dev.langchain4j.model.mlx.calls.OutputFormat;
import dev.langchain4j.model.mlx.jinja.common.RenderResult;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A conversation with a model whose turns are spelled as models spell them. Each round says whether its prompt began
 * with exactly the tokens of the round before, and if not, what the template's plain text shows to have changed. An
 * excuse holds only as far as that change: the tokens before it must be those of the round before.
 */
final class ToolLoop {
    /** What became of a round. */
    enum Outcome {
        FULL_HIT,
        MISS,
        /** The parser does not read what the template writes, so there is no message to recognise. */
        UNREAD,
        /** The template writes what comes before the turn in another way once there is a turn. */
        REWRITES_BEFORE,
        /** The template leaves out part of the turn. */
        DROPS,
        /** The template ends the turn between two of its calls. */
        ENDS_WITHIN,
        /** The template refuses the messages. */
        REFUSES,
        /** All but the end token goes back, for the template writes nothing that ends a turn. */
        NO_END
    }

    /**
     * A round.
     *
     * @param goesOn whether the conversation can go on
     * @param problem what is wrong; empty if nothing is
     */
    record Round(Outcome outcome, boolean goesOn, String problem) {
        static Round last(Outcome outcome) {
            return new Round(outcome, false, "");
        }
    }

    /**
     * A turn as the template writes it: {@code [start, end)} of its text.
     *
     * @param endText the end token behind it; empty if there is none
     * @param continues whether all that the model was prompted with stands before it
     */
    private record Written(String text, int start, int end, String endText, boolean continues) {
        String turn() {
            return text.substring(start, end);
        }
    }

    private final TemplateModel model;
    private final List<ToolSpecification> tools;
    private final Random random;
    private final boolean returnThinking;
    private final Boolean think;
    private final boolean withoutIds;
    private final PromptWriter writer;
    private final OutputFormat format;
    /** What the application keeps, and the same with all reasoning. */
    private final List<ChatMessage> kept = new ArrayList<>();

    private final List<ChatMessage> full = new ArrayList<>();

    /**
     * The variant's bits: a system message; reasoning given back; reasoning switched off; IDs left out by the model.
     */
    ToolLoop(TemplateModel model, List<ToolSpecification> tools, int variant, Random random) {
        this.model = model;
        this.tools = tools;
        this.random = random;
        returnThinking = (variant & 2) != 0;
        think = (variant & 4) != 0 ? Boolean.FALSE : null;
        withoutIds = (variant & 8) != 0;
        writer = model.writer(new PromptLedger());
        format = model.format(tools);
        if ((variant & 1) != 0) {
            kept.add(SystemMessage.from("Be brief."));
        }
        kept.add(UserMessage.from("Plan a trip, please."));
        full.addAll(kept);
    }

    /** Lets the model answer with what is intended, and goes on with what follows it. */
    Round play(AiMessage intended, List<ChatMessage> following) {
        RenderResult before = model.rendered(full, tools, think);
        List<ChatMessage> asWritten = new ArrayList<>(full);
        asWritten.add(intended);
        asWritten.addAll(following);
        Written written = written(before, model.rendered(asWritten, tools, think), full.size(), intended);
        if (written == null) {
            return Round.last(Outcome.REWRITES_BEFORE);
        }
        if (model.end(written.turn(), 0) != null) {
            return Round.last(Outcome.ENDS_WITHIN);
        }
        boolean whole = drops(written.turn(), intended) == null;
        String output = output(before.text(), written, intended);
        AiMessage read = output == null ? null : model.read(output, before.text(), format, returnThinking);
        if (read == null || !says(read, intended)) {
            return whole ? new Round(Outcome.UNREAD, false, "unread: " + quoted(output)) : Round.last(Outcome.DROPS);
        }
        Prompt prompt = writer.write(model.request(kept, tools, think));
        String end = written.endText.isEmpty() ? model.anyEnd() : written.endText;
        int[] generated = append(model.raggedTokens(output, random), model.id(end));
        writer.remember(prompt, read, output, generated, false);
        List<ChatMessage> next = following.stream()
                .map(message -> ToolLoop.answers(message, intended, read))
                .toList();
        int turn = full.size();
        kept.add(read);
        kept.addAll(next);
        full.add(read.toBuilder().thinking(intended.thinking()).build());
        full.addAll(next);
        return compare(prompt, before, append(prompt.tokens(), generated), turn, intended);
    }

    private Round compare(Prompt prompt, RenderResult before, int[] seen, int turn, AiMessage intended) {
        Prompt next = writer.write(model.request(kept, tools, think));
        int hit = Arrays.mismatch(seen, next.tokens());
        hit = hit < 0 ? seen.length : hit;
        if (hit == seen.length) {
            return new Round(Outcome.FULL_HIT, true, "");
        }
        RenderResult after = model.rendered(full, tools, think);
        Written written = written(before, after, turn, intended);
        Outcome excuse = null;
        int least = unchanged(prompt, before, after.text());
        if (written == null || !written.continues) {
            excuse = Outcome.REWRITES_BEFORE;
        } else if (model.end(written.turn(), 0) != null) {
            excuse = Outcome.ENDS_WITHIN;
        } else if (drops(written.turn(), intended) != null) {
            excuse = Outcome.DROPS;
        } else if (written.endText.isEmpty()) {
            excuse = Outcome.NO_END;
            least = seen.length - 1;
        }
        if (excuse != null && hit >= least) {
            boolean told = excuse == Outcome.NO_END || next.messageAt(hit).isPresent();
            return new Round(excuse, true, told ? "" : "no message is named for " + near(next.tokens(), hit));
        }
        String problem = "differs at %d of %d + %d%s: %s <> %s"
                .formatted(
                        hit,
                        prompt.tokens().length,
                        seen.length - prompt.tokens().length,
                        excuse == null ? "" : ", where " + excuse + " excuses from " + least + " on only",
                        near(seen, hit),
                        near(next.tokens(), hit));
        return new Round(Outcome.MISS, true, problem);
    }

    /**
     * How many of a prompt's tokens stand before what the template writes in another way. Behind the last generated
     * turn the tokens of the plain texts tell; further up, the messages whose text is as before.
     */
    private int unchanged(Prompt prompt, RenderResult before, String after) {
        int[] plain = model.tokenizer.encode(before.text(), false);
        int same = Arrays.mismatch(plain, model.tokenizer.encode(after, false));
        int least = prompt.tokens().length - (same < 0 ? 0 : plain.length - same);
        int generated = prompt.messages().stream()
                .filter(message -> message.source() == Prompt.Source.GENERATED)
                .mapToInt(Prompt.MessageTokens::end)
                .max()
                .orElse(0);
        if (least >= generated) {
            return least;
        }
        int sameText = model.tokenizer.decode(Arrays.copyOf(plain, same), false).length();
        int tokens = 0;
        for (Prompt.MessageTokens message : prompt.messages()) {
            int end = before.spans().stream()
                    .filter(span -> span.element() == message.index())
                    .mapToInt(RenderResult.Span::end)
                    .max()
                    .orElse(Integer.MAX_VALUE);
            tokens = end <= sameText ? Math.max(tokens, message.end()) : tokens;
        }
        return tokens;
    }

    /** The turn behind the messages so far; null if it has no place that can be found. */
    private Written written(RenderResult before, RenderResult after, int turn, AiMessage message) {
        String text = after.text();
        String prompt = before.text();
        String empty = PromptWriter.emptyReasoning(prompt, format.reasoning());
        String bare = prompt.substring(0, prompt.length() - empty.length());
        boolean reasons = message.thinking() != null && format.reasoning().opensIn(prompt);
        if (text.startsWith(prompt)) {
            return ended(after, prompt.length(), turn, true);
        }
        if (!empty.isEmpty() && text.startsWith(bare)) {
            return ended(after, bare.length(), turn, !reasons);
        }
        String opening = PromptWriter.opening(before, turn - 1);
        for (RenderResult.Span span : after.spans()) {
            boolean found = opening != null && span.element() == turn && text.startsWith(opening, span.start());
            if (found) {
                return ended(after, span.start() + opening.length(), turn, false);
            }
        }
        return null;
    }

    private Written ended(RenderResult after, int start, int turn, boolean continues) {
        int spanEnd = after.spans().stream()
                .filter(span -> span.element() == turn && span.start() <= start && start <= span.end())
                .mapToInt(RenderResult.Span::end)
                .max()
                .orElse(-1);
        int last = start;
        for (int at = after.text().indexOf("ZQX-1", start);
                at >= 0;
                at = after.text().indexOf("ZQX-1", at + 1)) {
            last = spanEnd < 0 || at < spanEnd ? at : last;
        }
        TemplateModel.End end = model.end(after.text(), last);
        boolean within = end != null && (spanEnd < 0 || end.position() <= spanEnd);
        if (within) {
            return new Written(after.text(), start, end.position(), end.text(), continues);
        }
        return spanEnd < 0 ? null : new Written(after.text(), start, spanEnd, "", continues);
    }

    /** What of a message a turn does not show; null if it shows all. */
    private static String drops(String turn, AiMessage message) {
        if (message.text() != null && !turn.contains(message.text())) {
            return message.text();
        }
        if (message.thinking() != null && !turn.contains(message.thinking())) {
            return message.thinking();
        }
        int from = 0;
        for (ToolExecutionRequest call : message.toolExecutionRequests()) {
            int at = turn.indexOf(call.name(), from);
            if (at < 0 || turn.indexOf("ZQX-1", at) < 0) {
                return call.name();
            }
            from = at + 1;
        }
        return null;
    }

    /** What the model writes: the template's turn in its own spelling, and what the template left out of it. */
    private String output(String prompt, Written written, AiMessage intended) {
        ReasoningFormat reasoning = format.reasoning();
        String turn = new OddSpelling(random, withoutIds).of(written.turn());
        boolean opened = reasoning.opensIn(prompt);
        if (intended.thinking() != null && !turn.contains(intended.thinking())) {
            if (reasoning == ReasoningFormat.NONE || reasoning == ReasoningFormat.HARMONY) {
                return null;
            }
            int close = turn.indexOf(reasoning.close());
            String rest =
                    close < 0 ? turn : turn.substring(close + reasoning.close().length());
            turn = (opened ? "" : reasoning.open()) + "\n" + intended.thinking() + "\n" + reasoning.close() + "\n\n"
                    + rest.stripLeading();
        } else if (opened && !written.text.startsWith(prompt)) {
            // The prompt opened reasoning that this turn has none of, or that the template opens in another way.
            int close = turn.indexOf(reasoning.close());
            boolean empty = close >= 0 && turn.substring(0, close).strip().equals(reasoning.open());
            String rest = empty ? turn.substring(close + reasoning.close().length()) : turn;
            turn = rest.startsWith(reasoning.open())
                    ? rest.substring(reasoning.open().length())
                    : "\n" + reasoning.close() + "\n\n" + rest.stripLeading();
        }
        if (intended.text() != null && !turn.contains(intended.text())) {
            if (!CallWriter.followsText(format.toolCalls()) || reasoning == ReasoningFormat.HARMONY) {
                return null;
            }
            int close = reasoning.close().isEmpty() ? -1 : turn.indexOf(reasoning.close());
            int at = close < 0 ? 0 : close + reasoning.close().length();
            turn = turn.substring(0, at) + intended.text() + "\n" + turn.substring(at);
        }
        return turn;
    }

    private static boolean says(AiMessage read, AiMessage intended) {
        List<TurnContent.Call> some = TurnContent.of(read).calls();
        List<TurnContent.Call> others = TurnContent.of(intended).calls();
        return text(read).equals(text(intended))
                && some.size() == others.size()
                && IntStream.range(0, some.size())
                        .allMatch(i -> some.get(i).name().equals(others.get(i).name())
                                && some.get(i).arguments().equals(others.get(i).arguments()));
    }

    private static String text(AiMessage message) {
        return message.text() == null ? "" : message.text().strip();
    }

    /** A message to a call, with the ID that the call was read with. */
    private static ChatMessage answers(ChatMessage message, AiMessage intended, AiMessage read) {
        if (!(message instanceof ToolExecutionResultMessage result)) {
            return message;
        }
        for (int i = 0; i < intended.toolExecutionRequests().size(); i++) {
            if (intended.toolExecutionRequests().get(i).id().equals(result.id())) {
                return ToolExecutionResultMessage.from(
                        read.toolExecutionRequests().get(i), result.text());
            }
        }
        return message;
    }

    private String near(int[] tokens, int position) {
        int from = Math.max(0, position - 3);
        int to = Math.min(tokens.length, position + 20);
        return quoted(model.tokenizer.decode(Arrays.copyOfRange(tokens, from, position), false)) + "|"
                + quoted(model.tokenizer.decode(Arrays.copyOfRange(tokens, position, to), false));
    }

    private static String quoted(String text) {
        return String.valueOf(text).replace("\n", "\\n");
    }

    private static int[] append(int[] first, int... second) {
        return IntStream.concat(Arrays.stream(first), Arrays.stream(second)).toArray();
    }
}
