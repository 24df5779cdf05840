package dev.langchain4j.model.mlx.prompt;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.mlx.text.DecodeStream;
import dev.langchain4j.mlx.text.Tokenizer;
import dev.langchain4j.model.mlx.cache.Boundary;
import dev.langchain4j.model.mlx.cache.ConversationListener;
import dev.langchain4j.model.mlx.cache.DiskTier;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.cache.Tier;
import dev.langchain4j.model.mlx.jinja.common.RenderResult;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import dev.langchain4j.model.mlx.parse.ReasoningFormat;
import dev.langchain4j.model.mlx.vision.ImageProcessor;
import dev.langchain4j.model.mlx.vision.PromptPictures;
import dev.langchain4j.model.mlx.vision.PromptPictures.Picture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Writes requests as tokens: the chat template renders the text, the tokenizer makes tokens of it, and turns that this
 * model generated keep the tokens that it generated, wherever the template means the same by them. What the model reads
 * is what the template means: where it drops or rewrites a turn, old reasoning for example, its text is tokenized.
 *
 * <p>The template is given the reasoning of generated turns even if the application did not keep it; whether it is
 * written is the template's decision.
 *
 * <p>What a conversation's last prompts had already is not tokenized again (see {@link KnownPieces}).
 *
 * <p>Thread-safe. Borrows all that it is made of.
 */
public final class PromptWriter implements ConversationListener {
    private final ChatTemplate template;
    private final Tokenizer tokenizer;
    private final Set<Integer> endTokens;
    private final PromptLedger ledger;
    private final ControlTokens control;
    private final PerToolList<KnownTools> tools = new PerToolList<>(this::known);
    private final KnownMessages messages = new KnownMessages();
    private final KnownPieces known = new KnownPieces(KnownPieces.BYTES_MAX);
    /** What the model makes of images; null if it does not see. */
    private final ImageProcessor images;

    /** A special token to stand before a stretch of text that begins within a prompt; empty if that changes nothing. */
    private final String within;

    /**
     * Tools for the template.
     *
     * @param spell whether texts of them could become a part of a control token
     */
    private record KnownTools(List<Map<String, Object>> mapped, boolean spell) {}

    /**
     * Puts a writer together.
     *
     * @param endTokens ids that end an answer
     */
    public PromptWriter(ChatTemplate template, Tokenizer tokenizer, Set<Integer> endTokens, PromptLedger ledger) {
        this(template, tokenizer, endTokens, ledger, null);
    }

    /**
     * Puts a writer together.
     *
     * @param endTokens ids that end an answer
     * @param images what the model makes of images; null if it does not see
     */
    public PromptWriter(
            ChatTemplate template,
            Tokenizer tokenizer,
            Set<Integer> endTokens,
            PromptLedger ledger,
            ImageProcessor images) {
        this.images = images;
        if (images != null) {
            template.showImages(images.placeholder());
        }
        this.template = template;
        this.tokenizer = tokenizer;
        this.endTokens = Set.copyOf(endTokens);
        this.ledger = ledger;
        this.control = template.controlTokens(tokenizer);
        this.within =
                beginningMatters() ? control.text(this.endTokens.iterator().next()) : "";
    }

    /** Whether the tokenizer treats the beginning of a text in another way than what follows a special token. */
    private boolean beginningMatters() {
        String sample = "a";
        return !endTokens.isEmpty()
                && !Arrays.equals(
                        Piece.encode("", sample, TextRanges.NONE, control).ids(),
                        Piece.encode(control.text(endTokens.iterator().next()), sample, TextRanges.NONE, control)
                                .ids());
    }

    /**
     * Writes a request.
     *
     * @throws InvalidRequestException if the template refuses the messages: with the template's own words
     * @throws dev.langchain4j.exception.UnsupportedFeatureException for content that is neither text nor an image that
     *     the request has ready
     */
    public Prompt write(PromptRequest request) {
        PromptEvent event = new PromptEvent();
        event.begin();
        PieceEncoder encoder =
                new PieceEncoder(control, known, KnownPieces.owner(request.conversation(), request.isolation()));
        Prompt prompt = write(request, encoder);
        event.commit(request, prompt, encoder);
        return prompt;
    }

    private Prompt write(PromptRequest request, PieceEncoder encoder) {
        List<KnownMessages.Known> known =
                messages.of(request.messages(), !request.pictures().isEmpty());
        Context[] contexts = Context.of(known);
        GeneratedTurn[] turns = turns(request, known, contexts);
        List<Map<String, Object>> mapped = mapped(known, turns);
        ControlTokens asked = request.allowControlTokens() ? null : control;
        KnownTools offered = tools.of(request.tools());
        boolean spell = asked != null && (offered.spell || spell(mapped, known));
        ChatTemplate.Rendered written = template.write(mapped, offered.mapped, request.arguments(), asked, spell);
        RenderResult rendered = filled(written.result(), request.pictures());
        Splicer splicer = new Splicer(rendered, request.format(), encoder, within);
        boolean[] spliced = new boolean[turns.length];
        for (int i = 0; i < turns.length; i++) {
            spliced[i] = turns[i] != null && splicer.splice(i, turns[i]);
        }
        Piece last = splicer.finish();
        TokenText tokens = splicer.tokens();
        if (tokens.size() == 0) {
            throw new InvalidRequestException("the chat template rendered these messages to no text at all");
        }
        PromptPictures pictures = request.pictures().isEmpty()
                ? null
                : PromptPictures.of(tokens.ids(), request.pictures(), images.imageToken());
        String text = written.result().text();
        ReasoningFormat reasoning = request.format().reasoning();
        PromptOrigin origin = new PromptOrigin(
                request.format(),
                contexts[turns.length],
                ledger.expect(request.conversation()),
                request.isolation() == Isolation.PER_MEMORY_ID,
                last,
                opening(rendered, turns.length - 1),
                emptyReasoning(text, reasoning),
                reasoning.opensIn(text));
        return new Prompt(
                text,
                pictures == null ? tokens.ids() : pictures.keys(),
                pictures,
                boundaries(mapped, rendered, tokens, pictures),
                messages(mapped, rendered, tokens, turns, spliced),
                written.changes(),
                origin);
    }

    private RenderResult filled(RenderResult rendered, List<Picture> pictures) {
        return pictures.isEmpty()
                ? rendered
                : ImagePlaces.fill(
                        rendered,
                        images.placeholder(),
                        pictures.stream()
                                .map(picture -> images.expansion(picture.image()))
                                .toList());
    }

    /** Also where each picture ends: what comes before is the costly part of a prompt. */
    private static List<Boundary> boundaries(
            List<Map<String, Object>> mapped, RenderResult rendered, TokenText tokens, PromptPictures pictures) {
        List<Boundary> boundaries = ChatTemplate.boundaries(mapped, rendered, tokens::tokensWithin);
        if (pictures != null) {
            pictures.places().forEach(place -> boundaries.add(new Boundary(place.end(), Tier.ASSISTANT)));
        }
        return boundaries;
    }

    /** Keeps generated turns on disk, too; see {@link PromptLedger#keepOnDisk}. */
    public void keepOnDisk(DiskTier tier) {
        ledger.keepOnDisk(tier);
    }

    @Override
    public void evicted(Predicate<Object> conversations) {
        ledger.evicted(conversations);
        known.evict(conversations);
        messages.clear();
    }

    @Override
    public void forked(Object parent, Object child) {
        ledger.forked(parent, child);
    }

    @Override
    public void cleared() {
        ledger.cleared();
        forget();
    }

    /** Forgets what prompts had in common; generated turns are kept. */
    public void forget() {
        known.clear();
        messages.clear();
    }

    KnownPieces known() {
        return known;
    }

    /** How many tokens a text is in a message, where names of control tokens are text. */
    public int count(String text) {
        return control.count(text);
    }

    /** The generated turns among the messages. */
    private GeneratedTurn[] turns(PromptRequest request, List<KnownMessages.Known> known, Context[] contexts) {
        GeneratedTurn[] turns = new GeneratedTurn[known.size()];
        for (int i = 0; i < turns.length; i++) {
            if (request.messages().get(i) instanceof AiMessage ai) {
                turns[i] = ledger.find(ai, known.get(i), contexts[i], request.conversation(), request.isolation());
            }
        }
        return turns;
    }

    /** The messages for the template, with the reasoning of generated turns put back. */
    private static List<Map<String, Object>> mapped(List<KnownMessages.Known> known, GeneratedTurn[] turns) {
        List<Map<String, Object>> mapped = new ArrayList<>(known.size());
        for (int i = 0; i < turns.length; i++) {
            Map<String, Object> message = known.get(i).mapped();
            if (turns[i] != null && !turns[i].reading.thinking().isEmpty()) {
                message = new LinkedHashMap<>(message);
                message.putIfAbsent("reasoning_content", turns[i].reading.thinking());
                message.putIfAbsent("thinking", turns[i].reading.thinking());
            }
            mapped.add(message);
        }
        return mapped;
    }

    private KnownTools known(List<ToolSpecification> given) {
        List<Map<String, Object>> mapped = ToolMapper.map(given);
        return new KnownTools(mapped, control.areIn(mapped));
    }

    /** Whether texts of these messages could become a part of a control token; known of those that are as they were. */
    private boolean spell(List<Map<String, Object>> mapped, List<KnownMessages.Known> known) {
        for (int i = 0; i < mapped.size(); i++) {
            boolean same = mapped.get(i) == known.get(i).mapped();
            if (same ? known.get(i).spells(control) : control.areIn(mapped.get(i))) {
                return true;
            }
        }
        return false;
    }

    /** What the template writes behind the last message; null if the last message's end is not known. */
    static String opening(RenderResult rendered, int lastMessage) {
        int end = -1;
        boolean ofLast = false;
        for (RenderResult.Span span : rendered.spans()) {
            if (span.end() >= end) {
                ofLast = span.element() == lastMessage || ofLast && span.end() == end;
                end = span.end();
            }
        }
        return ofLast ? rendered.text().substring(end) : null;
    }

    /**
     * The end of a prompt from where it opens reasoning, if there is none in it: it is open, or closed at once. Empty
     * if the prompt does not end so.
     */
    static String emptyReasoning(String prompt, ReasoningFormat format) {
        if (format == ReasoningFormat.NONE || format == ReasoningFormat.HARMONY) {
            return "";
        }
        int end = ReasoningFormat.contentLength(prompt);
        int close = end - format.close().length();
        if (prompt.startsWith(format.close(), close)) {
            end = ReasoningFormat.contentLength(prompt, close);
        }
        int open = end - format.open().length();
        return prompt.startsWith(format.open(), open) ? prompt.substring(open) : "";
    }

    private static List<Prompt.MessageTokens> messages(
            List<Map<String, Object>> mapped,
            RenderResult rendered,
            TokenText tokens,
            GeneratedTurn[] turns,
            boolean[] spliced) {
        int[] starts = new int[turns.length];
        int[] ends = new int[turns.length];
        Arrays.fill(starts, -1);
        for (RenderResult.Span span : rendered.spans()) {
            int i = span.element();
            starts[i] = starts[i] < 0 ? span.start() : Math.min(starts[i], span.start());
            ends[i] = Math.max(ends[i], span.end());
        }
        List<Prompt.MessageTokens> places = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < turns.length; i++) {
            String content = MappedMessages.text(mapped.get(i));
            if (starts[i] < 0 && !content.isBlank()) {
                // Written outside of any loop, as the system message often is.
                starts[i] = rendered.text().indexOf(content.strip(), from);
                ends[i] = starts[i] + content.strip().length();
            }
            if (starts[i] < 0) {
                continue;
            }
            from = Math.max(from, ends[i]);
            places.add(new Prompt.MessageTokens(
                    i,
                    String.valueOf(mapped.get(i).get("role")),
                    tokens.tokensWithin(starts[i]),
                    tokens.tokensWithin(ends[i]),
                    turns[i] == null
                            ? Prompt.Source.RENDERED
                            : spliced[i] ? Prompt.Source.GENERATED : Prompt.Source.REWRITTEN));
        }
        return places;
    }

    /**
     * Remembers the answer to a prompt, to recognise it when it comes back.
     *
     * @param prompt what {@link #write} made
     * @param message the answer as the application gets it
     * @param text the answer's whole text with all markers, up to a stop sequence
     * @param generated the tokens, an end token included
     * @param stopSequences whether there were stop sequences, so that the tokens may say more than the text
     */
    public void remember(Prompt prompt, AiMessage message, String text, int[] generated, boolean stopSequences) {
        boolean ended = generated.length > 0 && endTokens.contains(generated[generated.length - 1]);
        int end = ended ? generated[generated.length - 1] : -1;
        int[] tokens = Arrays.copyOf(generated, generated.length - (ended ? 1 : 0));
        String rest = "";
        if (stopSequences) {
            Kept kept = kept(tokens, text);
            if (kept.tokens < tokens.length || kept.chars < text.length()) {
                tokens = Arrays.copyOf(tokens, kept.tokens);
                rest = text.substring(kept.chars);
                end = -1;
            }
        }
        PromptOrigin origin = prompt.origin();
        ledger.add(
                new GeneratedTurn(
                        TurnContent.of(message),
                        TurnReading.of(text, origin.format(), origin.reasoningOpen()),
                        origin,
                        tokens,
                        rest,
                        end,
                        text.length()),
                origin.expected());
    }

    /** So many tokens are so many chars of a text that a stop sequence may have cut. */
    private record Kept(int tokens, int chars) {}

    private Kept kept(int[] tokens, String text) {
        try (DecodeStream stream = tokenizer.decodeStream(false)) {
            Kept kept = new Kept(0, 0);
            int length = 0;
            for (int i = 0; i < tokens.length && length <= text.length(); i++) {
                String piece = stream.step(tokens[i]);
                length += piece.length();
                if (!piece.isEmpty() && length <= text.length()) {
                    kept = new Kept(i + 1, length);
                }
            }
            boolean whole = length + stream.finish().length() == text.length();
            return whole ? new Kept(tokens.length, text.length()) : kept;
        }
    }
}
