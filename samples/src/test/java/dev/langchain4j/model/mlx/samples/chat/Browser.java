package dev.langchain4j.model.mlx.samples.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.logging.Level;
import java.util.stream.Stream;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.TimeoutException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.openqa.selenium.support.ui.WebDriverWait;

/** A headless Chromium that looks at the chat page as a user does. */
final class Browser implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String INSTALL = "install with: sudo apt-get install -y chromium chromium-driver";

    private final ChromeDriver driver;
    private String address;

    private Browser(ChromeDriver driver) {
        this.driver = driver;
    }

    /** Starts a browser. Without one the tests are skipped, but not in CI. */
    static Browser start() {
        Path driver = find("chromedriver", "/usr/bin/chromedriver", "/opt/homebrew/bin/chromedriver");
        Path chromium =
                find("chromium", "/usr/bin/chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
        if (driver == null || chromium == null) {
            assertThat(System.getenv("CI"))
                    .as("CI needs Chromium and its driver; " + INSTALL)
                    .isNull();
            assumeTrue(false, "Chromium or its driver is missing; " + INSTALL);
        }
        ChromeOptions options = new ChromeOptions();
        options.setBinary(chromium.toString());
        options.addArguments(
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-dev-shm-usage",
                "--window-size=1440,900");
        LoggingPreferences logs = new LoggingPreferences();
        logs.enable(LogType.BROWSER, Level.ALL);
        options.setCapability("goog:loggingPrefs", logs);
        ChromeDriverService service = new ChromeDriverService.Builder()
                .usingDriverExecutable(driver.toFile())
                .usingAnyFreePort()
                .build();
        return new Browser(new ChromeDriver(service, options));
    }

    /** Opens the page of a server on this port, on a desktop screen in light colours. */
    void visit(int port) {
        address = "http://localhost:" + port;
        size(1440, 900);
        colours("light");
        load();
    }

    /** Leaves the page. */
    void leave() {
        driver.get("about:blank");
    }

    private static Path find(String command, String... places) {
        Stream<Path> onPath = Stream.of(System.getenv("PATH").split(":"))
                .map(folder -> Path.of(folder).resolve(command));
        return Stream.concat(onPath, Stream.of(places).map(Path::of))
                .filter(Files::isExecutable)
                .findFirst()
                .orElse(null);
    }

    void load() {
        driver.get(address);
        until("the page is connected", () -> one("#connection").getText().equals("connected"));
    }

    /** Waits until it is so, or fails saying what was waited for. */
    void until(String what, java.util.function.BooleanSupplier condition) {
        try {
            new WebDriverWait(driver, PATIENCE, Duration.ofMillis(50))
                    .ignoring(org.openqa.selenium.StaleElementReferenceException.class)
                    .ignoring(org.openqa.selenium.NoSuchElementException.class)
                    .withMessage(what)
                    .until(d -> condition.getAsBoolean());
        } catch (TimeoutException e) {
            screenshot("failed");
            throw e;
        }
    }

    /** Text of the first or last element of a selector; empty if there is none. */
    String first(String selector) {
        List<String> texts = texts(selector);
        return texts.isEmpty() ? "" : texts.getFirst();
    }

    String last(String selector) {
        List<String> texts = texts(selector);
        return texts.isEmpty() ? "" : texts.getLast();
    }

    WebElement one(String selector) {
        return driver.findElement(By.cssSelector(selector));
    }

    List<WebElement> all(String selector) {
        return driver.findElements(By.cssSelector(selector));
    }

    /** Texts of all elements of a selector, read at one moment. */
    @SuppressWarnings("unchecked")
    List<String> texts(String selector) {
        return (List<String>) Objects.requireNonNull(driver.executeScript(
                "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector));
    }

    /** The state of the last turn that is shown; empty if there is none. */
    String lastState() {
        return String.valueOf(
                driver.executeScript("return [...document.querySelectorAll('.turn')].at(-1)?.dataset.state ?? ''"));
    }

    void ask(String question) {
        one("#text").sendKeys(question, Keys.ENTER);
    }

    /** Types keys into whatever has the focus. */
    void press(CharSequence... keys) {
        driver.switchTo().activeElement().sendKeys(keys);
    }

    /** The ID of what has the focus. */
    String focused() {
        return driver.switchTo().activeElement().getDomAttribute("id");
    }

    void size(int width, int height) {
        driver.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 2, "mobile", width < 600));
    }

    void colours(String scheme) {
        driver.executeCdpCommand(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
    }

    long number(String script) {
        return ((Number) Objects.requireNonNull(driver.executeScript("return " + script))).longValue();
    }

    String text(String script) {
        return String.valueOf(driver.executeScript("return " + script));
    }

    /** Accessibility rules of WCAG 2 (A and AA) that the page breaks, by axe-core: rule, element and reason. */
    @SuppressWarnings("unchecked")
    List<String> violations() {
        driver.executeScript(resource("/axe.min.js"));
        return (List<String>) Objects.requireNonNull(driver.executeAsyncScript("""
                const done = arguments[arguments.length - 1];
                axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}).then(
                  result => done(result.violations.flatMap(rule => rule.nodes.map(node =>
                    rule.id + ': ' + node.target.join(' ') + ': ' + node.failureSummary))),
                  problem => done([String(problem)]));
                """));
    }

    /** Characters of the page that its fonts have no picture of: they look like one that no font has. */
    @SuppressWarnings("unchecked")
    List<String> missingGlyphs() {
        return (List<String>) Objects.requireNonNull(driver.executeScript("""
                const canvas = document.createElement('canvas');
                const draw = character => {
                  const context = canvas.getContext('2d');
                  context.clearRect(0, 0, canvas.width, canvas.height);
                  context.font = '24px ' + getComputedStyle(document.body).fontFamily;
                  context.fillText(character, 10, 40);
                  return canvas.toDataURL();
                };
                const missing = draw('\\uE83A');
                return [...new Set(document.body.innerText)].filter(c => c.trim() && draw(c) === missing);
                """));
    }

    private static String resource(String name) {
        try (InputStream in = Objects.requireNonNull(Browser.class.getResourceAsStream(name), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What the browser complained of. */
    List<String> complaints() {
        return driver.manage().logs().get(LogType.BROWSER).getAll().stream()
                .filter(entry -> entry.getLevel().intValue() >= Level.WARNING.intValue())
                .map(Object::toString)
                .toList();
    }

    /** Saves what is to be seen, as NAME.png in the folder of the system property {@code screenshots}. */
    void screenshot(String name) {
        try {
            Path folder = Path.of(System.getProperty("screenshots", "target/screenshots"));
            Files.createDirectories(folder);
            Files.write(folder.resolve(name + ".png"), driver.getScreenshotAs(OutputType.BYTES));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        driver.quit();
    }
}
