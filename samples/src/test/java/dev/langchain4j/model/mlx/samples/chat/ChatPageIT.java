package dev.langchain4j.model.mlx.samples.chat;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.model.mlx.MlxModel;
import dev.langchain4j.model.mlx.MlxStreamingChatModel;
import dev.langchain4j.model.mlx.Speculation;
import dev.langchain4j.model.mlx.cache.disk.DiskLimits;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.Keys;

/** The chat page in a real browser, over the demo model. */
class ChatPageIT {
    private static final Path DEMO = Path.of(System.getProperty("project.root")).resolve("samples/demo-model/model");
    /** The demo model's end token: without it an answer goes on until it is stopped. */
    private static final int END_TOKEN = 1;

    private static final String OSLO_AND_ROME = "Compare the weather in Oslo and Rome.";
    private static final String OSLO_AND_ROME_ANSWER =
            "In Oslo it is 15 degrees, windy, in Rome it is 12 degrees, fog.";

    private static Browser browser;
    private MlxModel model;
    private ChatServer server;

    /** Tools with facts that do not change. */
    static final class Facts {
        @Tool("Current weather of a city")
        String weather(String city) {
            return city.equals("Oslo") ? "15 degrees, windy" : "12 degrees, fog";
        }

        @Tool("Converts an amount between currencies")
        String convert(double amount, String source, String target) {
            return "230.00 EUR";
        }
    }

    @BeforeAll
    static void start() {
        browser = Browser.start();
    }

    @AfterAll
    static void stop() {
        if (browser != null) {
            browser.close();
        }
    }

    private void open(MlxStreamingChatModel.Builder chat) {
        open(chat, MlxModel.builder().modelPath(DEMO));
    }

    private void open(MlxStreamingChatModel.Builder chat, MlxModel.Builder settings) {
        model = settings.build();
        server = new ChatServer(model, chat, new Facts());
        browser.visit(server.start(0));
    }

    private static MlxStreamingChatModel.Builder greedy() {
        return MlxStreamingChatModel.builder().temperature(0.0);
    }

    /** Answers go on until they are stopped, and cannot be drafted. */
    private void openEndless() {
        open(
                MlxStreamingChatModel.builder()
                        .temperature(1.5)
                        .seed(1L)
                        .logitBias(Map.of(END_TOKEN, -1000.0))
                        .maxOutputTokens(3500),
                MlxModel.builder().modelPath(DEMO).speculation(Speculation.OFF));
    }

    @AfterEach
    void leave() {
        browser.leave();
        server.close();
        model.close();
    }

    private void askAndWait(String question) {
        browser.ask(question);
        browser.until(
                "an answer to " + question,
                () -> browser.texts(".question").contains(question)
                        && browser.lastState().equals("done"));
    }

    @Test
    void twoConversationsAtOnceShareWhatIsCached() {
        open(greedy());
        browser.ask(OSLO_AND_ROME);
        browser.one("#new").click();
        browser.until("an empty conversation", () -> browser.all(".welcome").size() == 1);
        askAndWait("How much is 250 USD in EUR?");
        assertThat(browser.texts(".answer")).containsExactly("250 USD is 230.00 EUR.");
        assertThat(browser.texts(".call .name")).containsExactly("convert");
        assertThat(browser.texts(".cost b").getFirst())
                .as("the system message and tools")
                .doesNotMatch("0 cached");
        browser.all("#conversations .pick").getFirst().click();
        browser.until("the first answer", () -> browser.lastState().equals("done"));
        assertThat(browser.texts(".answer")).containsExactly(OSLO_AND_ROME_ANSWER);
        askAndWait("Thanks!");
        assertThat(browser.texts("#conversations .title"))
                .containsExactly(OSLO_AND_ROME, "How much is 250 USD in EUR?");
        browser.until("a drawing with both conversations", () -> browser.texts("#trie .whose")
                .containsAll(List.of("1", "2")));
        assertThat(browser.texts("#trie [data-tier=system]")).isNotEmpty();
        browser.until("nobody running", () -> browser.first("#load")
                .matches("0 running, 0 waiting · the last one waited [0-9,]+ ms"));
        assertThat(browser.first("#total")).containsPattern("would have taken [1-9][0-9,]* ms more\\.");
        browser.screenshot("chat-light");
        assertThat(browser.violations()).as("accessibility, light").isEmpty();
        assertThat(browser.missingGlyphs()).isEmpty();
        browser.colours("dark");
        browser.screenshot("chat-dark");
        assertThat(browser.violations()).as("accessibility, dark").isEmpty();
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void aQuestionIsStoppedBeforeItsFirstToken() {
        openEndless();
        // By the page's own functions, without waiting for an event: the model has hardly begun to read the question.
        browser.text("(async () => { at('text').value = 'Hello!'; await send(); await stop(); })()");
        browser.until("a stopped answer", () -> browser.lastState().equals("stopped"));
        browser.ask("Hello again!");
        browser.until("the next question", () -> browser.last(".question").equals("Hello again!"));
        browser.until("part of the next answer", () -> browser.last(".answer").length() > 20);
        browser.press(Keys.ESCAPE);
        browser.until("a stopped answer", () -> browser.lastState().equals("stopped"));
    }

    @Test
    void markdownOfAnAnswerBecomesElementsAndNeverScripts() {
        open(greedy());
        String answer = "# Trains\\n\\nThe **first** one: `X528`\\n\\n- one\\n- two\\n\\n```\\n<b>code</b>\\n```\\n"
                + "<img src=x onerror=alert(1)> [link](javascript:alert(1)) [good](https://example.org)";
        String made = browser.text("(() => { const box = document.createElement('div'); box.append(...markdown('"
                + answer + "')); return box.innerHTML; })()");
        assertThat(made)
                .contains("<h3>Trains</h3>", "<strong>first</strong>", "<code>X528</code>", "<li>one</li><li>two</li>")
                .contains("&lt;b&gt;code&lt;/b&gt;", "&lt;img src=x", "href=\"https://example.org\"")
                .doesNotContain("<img", "href=\"javascript");
    }

    @Test
    void otherSitesAreRefused() throws Exception {
        open(greedy());
        HttpClient http = HttpClient.newHttpClient();
        URI uri = URI.create(browser.text("location.origin") + "/conversations");
        HttpRequest.Builder post = HttpRequest.newBuilder(uri).POST(HttpRequest.BodyPublishers.noBody());
        assertThat(status(http, post.copy())).as("a form of another site").isEqualTo(415);
        assertThat(status(http, post.copy().header("Content-Type", "text/plain")))
                .isEqualTo(415);
        HttpRequest.Builder json = post.copy().header("Content-Type", "application/json");
        assertThat(status(http, json.copy().header("Origin", "https://example.org")))
                .isEqualTo(403);
        assertThat(status(http, json)).isEqualTo(200);
        try (Socket socket = new Socket("localhost", uri.getPort())) {
            socket.getOutputStream()
                    .write("GET /events HTTP/1.1\r\nHost: evil.example\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            assertThat(new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII))
                    .as("a name that leads to this machine")
                    .isEqualTo("HTTP/1.1 403");
        }
    }

    @Test
    void requestsThatCannotBeReadAreTheCallersFault() throws Exception {
        open(greedy());
        HttpClient http = HttpClient.newHttpClient();
        String conversation = browser.text("location.origin") + "/conversations/" + browser.text("picked");
        for (String body : List.of("{\"text\": ", "not JSON", "", "[]", "{\"text\": \"Hi!\", \"pictures\": [{}]}")) {
            HttpRequest.Builder post = HttpRequest.newBuilder(URI.create(conversation + "/questions"))
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(body));
            assertThat(status(http, post)).as(body).isEqualTo(400);
        }
        assertThat(browser.all(".question")).isEmpty();
    }

    private static int status(HttpClient http, HttpRequest.Builder request) throws Exception {
        return http.send(request.build(), HttpResponse.BodyHandlers.discarding())
                .statusCode();
    }

    @Test
    void picturesAreForModelsThatSeeThem() {
        open(greedy());
        assertThat(browser.one("#add").isDisplayed()).isFalse();
        leave();
        Path see = DEMO.resolveSibling("../see-model").normalize();
        open(greedy(), MlxModel.builder().modelPath(see.resolve("model")));
        assertThat(browser.one("#add").isDisplayed()).isTrue();
        browser.one("#tools").click();
        browser.one("#file").sendKeys(see.resolve("pictures/42-yellow.png").toString());
        browser.until("the picture", () -> browser.all("#pictures img").size() == 1);
        askAndWait("What number is it?");
        assertThat(browser.first(".answer"))
                .as("a number; which one, the tiny model knows without this page's instructions only")
                .matches("\\s*\\d+\\s*");
        assertThat(browser.all(".question img")).hasSize(1);
        assertThat(browser.violations()).isEmpty();
    }

    @Test
    void reasoningCanBeFoldedAway() {
        open(greedy());
        browser.text(
                "(() => { at('turns').replaceChildren(turnElement({state: 'answering', question: 'Why?', pictures: [],"
                        + " thinking: 'Because.', calls: [], answer: '', rounds: []})); })()");
        assertThat(browser.one(".thinking p").isDisplayed())
                .as("while there is no answer")
                .isTrue();
        browser.one(".thinking summary").click();
        assertThat(browser.one(".thinking p").isDisplayed()).isFalse();
        assertThat(browser.violations()).isEmpty();
    }

    @Test
    void aQuestionThatIsRefusedIsNotLost() {
        open(greedy());
        browser.text("(() => { window.fetch = () => Promise.reject(new Error('offline')); })()");
        browser.ask("Hello!");
        browser.until("the question back", () -> browser.text("document.getElementById('text').value")
                .equals("Hello!"));
        assertThat(browser.first("#problem")).contains("does not answer");
    }

    @Test
    void whatCameFromDiskAfterARestartIsSaid(@TempDir Path folder) {
        DiskLimits limits = DiskLimits.ofBytes(1L << 28);
        open(greedy(), MlxModel.builder().modelPath(DEMO).diskCache(folder, limits));
        askAndWait("Hello!");
        leave();
        open(greedy(), MlxModel.builder().modelPath(DEMO).diskCache(folder, limits));
        askAndWait("Hello!");
        browser.until("what was restored", () -> browser.first("#total")
                .matches(".* on disk, from where [1-9][0-9,]* tokens were restored in [0-9,]+ ms\\..*"));
    }

    @Test
    void anAnswerStopsInTheMiddleAndTheNextOneComes() {
        openEndless();
        browser.ask("Hello!");
        browser.until("part of an answer", () -> browser.first(".answer").length() > 20);
        browser.press(Keys.ESCAPE);
        browser.until("a stopped answer", () -> browser.lastState().equals("stopped"));
        String said = browser.first(".answer");
        assertThat(said.length()).isGreaterThan(20);
        browser.ask("Hello again!");
        browser.until("the next question", () -> browser.last(".question").equals("Hello again!"));
        browser.until("part of the next answer", () -> browser.last(".answer").length() > 20);
        assertThat(browser.first(".answer")).as("nothing came after the stop").isEqualTo(said);
        browser.one("#stop").click();
        browser.until("a stopped answer", () -> browser.lastState().equals("stopped"));
        assertThat(browser.one("#send").isDisplayed()).isTrue();
    }

    @Test
    void aReloadShowsTheSameAndAnAnswerGoesOn() {
        openEndless();
        browser.ask("Hello!");
        browser.until("part of an answer", () -> browser.first(".answer").length() > 20);
        String before = browser.first(".answer");
        browser.load();
        browser.until(
                "more of the answer",
                () -> browser.first(".answer").length() > before.length()
                        && browser.lastState().equals("answering"));
        assertThat(browser.texts(".question")).containsExactly("Hello!");
        assertThat(browser.first(".answer")).startsWith(before);
        browser.press(Keys.ESCAPE);
        browser.until("a stopped answer", () -> browser.lastState().equals("stopped"));
        String said = browser.first(".answer");
        browser.load();
        assertThat(browser.texts(".answer")).containsExactly(said);
    }

    @Test
    void withoutToolsNoneIsCalled() {
        open(greedy());
        browser.one("#tools").click();
        askAndWait(OSLO_AND_ROME);
        assertThat(browser.texts(".call")).isEmpty();
    }

    @Test
    void everythingWorksByKeyboard() {
        open(greedy());
        assertThat(browser.focused()).isEqualTo("text");
        browser.press(Keys.TAB);
        assertThat(browser.focused()).isEqualTo("tools");
        browser.press(Keys.SPACE);
        assertThat(browser.one("#tools").getDomAttribute("aria-checked")).isEqualTo("false");
        browser.press(Keys.SPACE);
        browser.press(Keys.chord(Keys.SHIFT, Keys.TAB));
        browser.press("Hello!", Keys.chord(Keys.SHIFT, Keys.ENTER), "Hello!");
        assertThat(browser.text("document.getElementById('text').value")).isEqualTo("Hello!\nHello!");
        browser.press(Keys.ENTER);
        browser.until("an answer", () -> browser.lastState().equals("done"));
        assertThat(browser.texts(".question")).containsExactly("Hello!\nHello!");
    }

    @Test
    void aPhoneShowsOnePartAtATime() {
        open(greedy());
        browser.size(390, 844);
        askAndWait(OSLO_AND_ROME);
        assertThat(browser.number("document.documentElement.scrollWidth")).isLessThanOrEqualTo(390);
        assertThat(browser.one("#cache").isDisplayed()).isFalse();
        browser.screenshot("chat-phone");
        for (String part : List.of("cache", "list", "chat")) {
            browser.one("[data-show=" + part + "]").click();
            assertThat(browser.one("#" + part).isDisplayed()).isTrue();
            assertThat(browser.number("document.documentElement.scrollWidth")).isLessThanOrEqualTo(390);
            if (part.equals("cache")) {
                browser.screenshot("chat-phone-cache");
            }
        }
    }

    @Test
    void aDeletedConversationLeavesTheCache() {
        open(greedy());
        askAndWait(OSLO_AND_ROME);
        browser.until("a drawing", () -> !browser.texts("#trie text:not(.axis)").isEmpty());
        browser.one("#conversations .pick").sendKeys(Keys.TAB);
        browser.press(Keys.ENTER);
        browser.until("no conversation", () -> browser.all("#conversations li").isEmpty());
        browser.until(
                "an empty cache", () -> browser.texts("#trie text:not(.axis)").isEmpty());
        assertThat(browser.one("#send").isEnabled()).isFalse();
    }
}
