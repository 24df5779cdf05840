package dev.langchain4j.model.mlx.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.model.mlx.cache.ConversationKey;
import dev.langchain4j.model.mlx.cache.Isolation;
import dev.langchain4j.model.mlx.jinja.common.TextRanges;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/** Who finds which parts of prompts, for how long, and how many there are. */
class KnownPiecesTest {
    private final KnownPieces known = new KnownPieces(10_000);

    private static KnownPieces.Key key(Object owner, String text) {
        return new KnownPieces.Key(owner, "", text, TextRanges.NONE);
    }

    private static Piece piece(String text) {
        return new Piece("", text, new int[] {1}, new int[] {text.length()}, TextRanges.NONE);
    }

    private void add(Object owner, String text) {
        known.add(key(owner, text), piece(text), known.evictions());
    }

    private boolean has(Object owner, String text) {
        return known.find(key(owner, text)) != null;
    }

    @Test
    void aConversationFindsItsOwnPartsOnly() {
        add("ann", "hello");
        assertThat(has("ann", "hello")).isTrue();
        assertThat(has("bob", "hello")).isFalse();
        assertThat(has(KnownPieces.owner(null, Isolation.SHARED), "hello")).isFalse();
    }

    @Test
    void whoSharesWithNobodyHasNoParts() {
        ConversationKey everybodys = new ConversationKey() {
            @Override
            public Object id() {
                return "default";
            }

            @Override
            public boolean tellsCallersApart() {
                return false;
            }
        };
        assertThat(KnownPieces.owner(null, Isolation.PER_MEMORY_ID)).isNull();
        assertThat(KnownPieces.owner(everybodys, Isolation.PER_MEMORY_ID)).isNull();
        assertThat(KnownPieces.owner("ann", Isolation.PER_MEMORY_ID)).isEqualTo("ann");
        assertThat(KnownPieces.owner(null, Isolation.SHARED)).isNotNull();
    }

    @Test
    void theSameTextWithOtherCharactersFromOutsideIsAnotherPart() {
        add("ann", "<|x|>");
        TextRanges outside = new TextRanges.Builder().add(0, 2).build();
        assertThat(known.find(new KnownPieces.Key("ann", "", "<|x|>", outside))).isNull();
        assertThat(known.find(new KnownPieces.Key("ann", "<s>", "<|x|>", TextRanges.NONE)))
                .isNull();
    }

    @Test
    void theBeginningOfAPromptTakesThePlaceOfTheOneBefore() {
        KnownPieces.Key key = KnownPieces.Key.beginning("ann", "");
        known.replace(key, piece("hello"), known.evictions());
        long bytes = known.bytes();
        known.replace(key, piece("hello ann"), known.evictions());
        assertThat(known.find(key).text()).isEqualTo("hello ann");
        assertThat(known.bytes() - bytes).isEqualTo(2L * " ann".length());
        long before = known.evictions();
        known.evict("ann"::equals);
        known.replace(key, piece("hello"), before);
        assertThat(known.find(key)).isNull();
        assertThat(known.bytes()).isZero();
    }

    @Test
    void thereAreNeverMoreBytesThanAllowedAndTheLeastUsedPartsGo() {
        for (int i = 0; i < 1000; i++) {
            add("ann", "part " + i);
            has("ann", "part 0");
            assertThat(known.bytes()).isBetween(1L, 10_000L);
        }
        assertThat(known.count()).isBetween(10, 100);
        assertThat(has("ann", "part 0")).isTrue();
        assertThat(has("ann", "part 1")).isFalse();
        assertThat(has("ann", "part 999")).isTrue();
        add("ann", "x".repeat(10_000));
        assertThat(has("ann", "x".repeat(10_000))).isFalse();
        assertThat(has("ann", "part 999")).isTrue();
    }

    @Test
    void anEvictedConversationHasNothingAndTheBytesAreBack() {
        add("ann", "hello");
        add("bob", "hello");
        long both = known.bytes();
        known.evict("ann"::equals);
        assertThat(has("ann", "hello")).isFalse();
        assertThat(has("bob", "hello")).isTrue();
        assertThat(known.bytes()).isEqualTo(both / 2);
    }

    @Test
    void predicatesOfApplicationsNeverSeeWhatIsNoMemoryId() {
        add(KnownPieces.owner(null, Isolation.SHARED), "hello");
        add("ann", "hello");
        Predicate<Object> strings = id -> ((String) id).startsWith("a");
        known.evict(strings);
        assertThat(known.count()).isOne();
        known.clear();
        assertThat(known.count()).isZero();
        assertThat(known.bytes()).isZero();
    }

    @Test
    void whatIsBeingWrittenDuringAnEvictionIsNotKept() {
        long before = known.evictions();
        known.evict("ann"::equals);
        known.add(key("ann", "hello"), piece("hello"), before);
        assertThat(known.count()).isZero();
    }
}
