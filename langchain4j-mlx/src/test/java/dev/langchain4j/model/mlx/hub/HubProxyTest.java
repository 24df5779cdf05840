package dev.langchain4j.model.mlx.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.LangChain4jException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Downloads through a proxy that wants a user and a password. */
class HubProxyTest {
    private static final String ID = "mlx-community/Tiny-4bit";
    private static final String USER = "me:s%40cret";

    @TempDir
    Path cache;

    @Test
    void aProxyGetsUserAndPasswordAndTheHubDoesNot() throws IOException {
        try (FakeHub fake = new FakeHub();
                FakeProxy proxy = new FakeProxy(fake.endpoint(), "me:s@cret")) {
            fake.commit(ID, "main", HubFixture.model(1));
            HubSettings settings = new TestSettings(fake, cache)
                    .proxy(proxy.address(USER), "http://hub.test")
                    .token(FakeHub.TOKEN)
                    .build();
            HubFixture.assertContents(HubFixture.hub(settings).locate(ID).folder(), HubFixture.needed(1));
            assertThat(proxy.heads).isNotEmpty().allMatch(head -> head.startsWith("GET http://hub.test/"));
            assertThat(settings.toString()).doesNotContain("cret").doesNotContain(FakeHub.TOKEN);
        }
    }

    @Test
    void aProxyThatRefusesIsSaidWithWhatHelps() throws IOException {
        try (FakeHub fake = new FakeHub();
                FakeProxy proxy = new FakeProxy(fake.endpoint(), "me:s@cret")) {
            fake.commit(ID, "main", HubFixture.model(1));
            for (String user : new String[] {"", "me:wrongword"}) {
                HubSettings settings = new TestSettings(fake, cache)
                        .proxy(proxy.address(user), "http://hub.test")
                        .token(FakeHub.TOKEN)
                        .build();
                assertThatThrownBy(() -> HubFixture.hub(settings).locate(ID))
                        .isInstanceOf(AuthenticationException.class)
                        .hasMessageContaining("the proxy requires a user and a password (Basic realm=\"x\")")
                        .hasMessageContaining("HTTPS_PROXY")
                        .satisfies(e -> assertThat(allTextsOf(e))
                                .doesNotContain("wrongword")
                                .doesNotContain(FakeHub.TOKEN));
            }
        }
    }

    private static String allTextsOf(Throwable failure) {
        java.io.StringWriter all = new java.io.StringWriter();
        failure.printStackTrace(new java.io.PrintWriter(all));
        return all.toString();
    }

    /** Asks for a model behind a tunnel, in a process of its own: Java reads what tunnels may do once. */
    static final class Tunnel {
        private Tunnel() {}

        /** Prints what the proxy was told, and the failure, which is that the proxy makes no tunnels. */
        public static void main(String[] args) throws IOException {
            try (FakeHub fake = new FakeHub();
                    FakeProxy proxy = new FakeProxy(URI.create("http://127.0.0.1:1"), "me:s@cret")) {
                HubSettings settings = new TestSettings(fake, Path.of(args[0]))
                        .proxy(proxy.address(USER), "https://hub.test")
                        .attempts(1)
                        .build();
                try {
                    HubFixture.hub(settings).locate(ID);
                } catch (LangChain4jException e) {
                    System.out.println("FAILED " + e);
                }
                proxy.heads.forEach(System.out::println);
            }
        }
    }

    @Test
    void aTunnelGetsUserAndPasswordToo() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Tunnel.class.getName(),
                        cache.toString())
                .redirectErrorStream(true)
                .start();
        String out = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(out).isZero();
        assertThat(out).contains("CONNECT hub.test:443").contains("got: 502").doesNotContain("got: 407");
    }
}
