package dev.langchain4j.model.mlx.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.InvalidRequestException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubEnvironmentTest {
    @TempDir
    Path home;

    private HubEnvironment environment(String... pairs) {
        Map<String, String> variables = new java.util.HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            variables.put(pairs[i], pairs[i + 1]);
        }
        return new HubEnvironment(variables, home);
    }

    @Test
    void theCacheIsWhereHuggingfaceHubHasIt() {
        assertThat(environment().cacheFolder()).isEqualTo(home.resolve(".cache/huggingface/hub"));
        assertThat(environment("XDG_CACHE_HOME", "/x").cacheFolder()).isEqualTo(Path.of("/x/huggingface/hub"));
        assertThat(environment("HF_HOME", "~/hf").cacheFolder()).isEqualTo(home.resolve("hf/hub"));
        assertThat(environment("HF_HOME", "$BIG/hf", "BIG", "/disk").cacheFolder())
                .isEqualTo(Path.of("/disk/hf/hub"));
        assertThat(environment("HF_HOME", "/a", "HF_HUB_CACHE", "/b").cacheFolder())
                .isEqualTo(Path.of("/b"));
        assertThat(environment("HF_HUB_CACHE", " ").cacheFolder()).isEqualTo(home.resolve(".cache/huggingface/hub"));
    }

    @Test
    void theTokenIsTheVariableOrTheFile() throws IOException {
        assertThat(environment().token()).isNull();
        Path file = Files.createDirectories(home.resolve(".cache/huggingface")).resolve("token");
        Files.writeString(file, "hf_file\n");
        assertThat(environment().token()).isEqualTo("hf_file");
        assertThat(environment("HF_TOKEN", " hf_variable\n").token()).isEqualTo("hf_variable");
        assertThat(environment("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1").token()).isNull();
        Path other = Files.writeString(home.resolve("other"), "hf_other");
        assertThat(environment("HF_TOKEN_PATH", other.toString()).token()).isEqualTo("hf_other");
    }

    @Test
    void offlineIsASwitch() {
        assertThat(environment().offline()).isFalse();
        assertThat(environment("HF_HUB_OFFLINE", "1").offline()).isTrue();
        assertThat(environment("HF_HUB_OFFLINE", "true").offline()).isTrue();
        assertThat(environment("HF_HUB_OFFLINE", "0").offline()).isFalse();
        assertThat(environment("TRANSFORMERS_OFFLINE", "yes").offline()).isTrue();
    }

    @Test
    void theEndpointIsAnAddress() {
        assertThat(environment().endpoint()).hasToString("https://huggingface.co");
        assertThat(environment("HF_ENDPOINT", "http://mirror:8080/hf/").endpoint())
                .hasToString("http://mirror:8080/hf");
        for (String wrong : List.of("mirror", "file:///etc", "http://", "http://a b", "https://a?b")) {
            assertThatThrownBy(() -> environment("HF_ENDPOINT", wrong).endpoint())
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessage("HF_ENDPOINT (" + wrong + ") must be an http or https address");
        }
    }

    @Test
    void proxiesComeFromVariables() {
        var proxies = proxies(
                "HTTPS_PROXY", "http://proxy:3128", "http_proxy", "plain:80", "NO_PROXY", "intern, .corp.example");
        assertThat(proxies.select(URI.create("https://huggingface.co/x")))
                .containsExactly(new Proxy(Proxy.Type.HTTP, new InetSocketAddress("proxy", 3128)));
        assertThat(proxies.select(URI.create("http://huggingface.co/x")))
                .containsExactly(new Proxy(Proxy.Type.HTTP, new InetSocketAddress("plain", 80)));
        for (String direct :
                List.of("https://intern/", "https://hub.corp.example/", "http://127.0.0.1:9/", "http://localhost/")) {
            assertThat(proxies.select(URI.create(direct))).as(direct).containsExactly(Proxy.NO_PROXY);
        }
    }

    private static EnvironmentProxies proxies(String... pairs) {
        Map<String, String> variables = new java.util.HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            variables.put(pairs[i], pairs[i + 1]);
        }
        return new EnvironmentProxies(variables, new Properties());
    }

    private static String credentials(String variable, String address, String uri) {
        return proxies(variable, address)
                .credentials(URI.create(uri))
                .map(value -> new String(
                        Base64.getDecoder().decode(value.substring("Basic ".length())), StandardCharsets.UTF_8))
                .orElse(null);
    }

    @Test
    void userAndPasswordOfAProxyStandBeforeTheAt() {
        String hub = "https://huggingface.co/x";
        assertThat(credentials("HTTPS_PROXY", "http://me:secret@proxy:3128", hub))
                .isEqualTo("me:secret");
        assertThat(credentials("https_proxy", "me:secret@proxy", hub)).isEqualTo("me:secret");
        assertThat(credentials("ALL_PROXY", "http://me:p%40ss%C3%A9+:@proxy:1", hub))
                .isEqualTo("me:p@ss\u00e9+:");
        assertThat(credentials("HTTPS_PROXY", "http://me:p@ss#w?rd@proxy:1", hub))
                .as("characters that should have been escaped")
                .isEqualTo("me:p@ss#w?rd");
        assertThat(credentials("HTTPS_PROXY", "http://proxy:1", hub)).isNull();
        assertThat(credentials("HTTP_PROXY", "http://me:secret@proxy:1", hub)).isNull();
        assertThat(credentials("HTTPS_PROXY", "http://me:secret@proxy:1", "https://localhost/x"))
                .isNull();
        assertThat(proxies("HTTPS_PROXY", "http://me:p@ss#w?rd@proxy:3128/").select(URI.create(hub)))
                .containsExactly(new Proxy(Proxy.Type.HTTP, new InetSocketAddress("proxy", 3128)));
    }

    @Test
    void aProxyThatCannotBeReadIsRefusedWithoutItsPassword() {
        for (String wrong : List.of(
                "socks5://me:secret@proxy:1080",
                "http://me:secret@",
                "http://me:secret@proxy:99999",
                "http://me:secret@pro xy:1",
                "http://me:secret@proxy:x")) {
            assertThatThrownBy(() -> proxies("all_proxy", wrong).credentials(URI.create("https://huggingface.co/")))
                    .as(wrong)
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessage("ALL_PROXY (not shown) must be the address of an HTTP proxy:"
                            + " http://[user:password@]host[:port]");
        }
    }

    @Test
    void nothingShowsASecret() {
        assertThat(environment("HF_TOKEN", "hf_secret").toString()).doesNotContain("hf_secret");
        assertThatThrownBy(() ->
                        environment("HF_ENDPOINT", "https://me:secret@mirror").endpoint())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessage("HF_ENDPOINT (not shown) must be an http or https address");
    }

    @Test
    void aRepositoryIdHasAForm() {
        assertThat(RepositoryId.parse("gpt2")).contains(new RepositoryId("gpt2", "main"));
        assertThat(RepositoryId.parse("a/b.c-d_E1@v1.0/x")).contains(new RepositoryId("a/b.c-d_E1", "v1.0/x"));
        assertThat(RepositoryId.parse("mlx-community/X").orElseThrow().folderName())
                .isEqualTo("models--mlx-community--X");
        for (String wrong : List.of(
                "",
                "a/b/c",
                "/a",
                "a/",
                "-a/b",
                "a/.b",
                "a--b",
                "a..b",
                "../a",
                "a/b.git",
                "a b",
                "a/b@",
                "a@../x",
                "a@/x",
                "a@x//y",
                "ä/b",
                "a\\b",
                "x".repeat(97))) {
            assertThat(RepositoryId.parse(wrong)).as(wrong).isEmpty();
        }
    }
}
