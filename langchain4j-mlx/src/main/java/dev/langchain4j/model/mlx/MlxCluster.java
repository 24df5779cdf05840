package dev.langchain4j.model.mlx;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.mlx.model.JsonFiles;
import dev.langchain4j.model.mlx.ranks.RankSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The rank of this process among those that compute one model together, and the addresses of the others; for
 * {@link MlxModel.Builder#distributed}. One process is one rank, and each has a copy of the model's files. Immutable.
 *
 * <p>Ranks talk over a backend of MLX: {@code ring}, which needs nothing but TCP, or {@code jaccl}, RDMA over
 * Thunderbolt. Neither encrypts nor authenticates: use a network that you trust.
 */
public final class MlxCluster {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Set<String> BACKENDS = Set.of("ring", "jaccl");
    /** The first port that mlx.launch takes, unless it is told otherwise. */
    private static final int FIRST_PORT = 32323;

    private static final int RANKS_MAX = 1024;

    private final RankSettings settings;
    private final Boolean pipeline;

    private MlxCluster(RankSettings settings, Boolean pipeline) {
        this.settings = settings;
        this.pipeline = pipeline;
    }

    /**
     * The settings that {@code mlx.launch} passes to each process: MLX_RANK and MLX_HOSTFILE, or MLX_IBV_DEVICES and
     * MLX_JACCL_COORDINATOR.
     *
     * @throws InvalidRequestException if they are missing or invalid
     */
    public static MlxCluster fromEnvironment() {
        return fromEnvironment(System.getenv());
    }

    static MlxCluster fromEnvironment(Map<String, String> environment) {
        boolean jaccl = environment.containsKey("MLX_IBV_DEVICES");
        String file = environment.get(jaccl ? "MLX_IBV_DEVICES" : "MLX_HOSTFILE");
        String rank = environment.get("MLX_RANK");
        if (file == null || rank == null) {
            throw new InvalidRequestException(
                    "MLX_RANK (" + rank + ") and MLX_HOSTFILE (" + file + ") must be set, as mlx.launch sets them");
        }
        int number;
        try {
            number = Integer.parseInt(rank.strip());
        } catch (NumberFormatException e) {
            throw new InvalidRequestException("MLX_RANK (" + rank + ") must be a whole number", e);
        }
        return builder()
                .rank(number)
                .hostfile(Path.of(file))
                .backend(jaccl ? "jaccl" : "ring")
                .build();
    }

    /** Settings of a rank. */
    public static Builder builder() {
        return new Builder();
    }

    /** The number of this process, from 0. Rank 0 is the application; the others compute what it asks for. */
    public int rank() {
        return settings.rank();
    }

    /** How many ranks there are. */
    public int size() {
        return settings.size();
    }

    RankSettings settings() {
        return settings;
    }

    /** Null where it depends on the model. */
    Boolean pipeline() {
        return pipeline;
    }

    @Override
    public String toString() {
        return "rank " + rank() + " of " + size() + " over " + settings.backend();
    }

    /** Settings of a rank. */
    public static final class Builder {
        private Integer rank;
        private Path hostfile;
        private String backend = "ring";
        private Boolean pipeline;
        private Duration timeout = Duration.ofSeconds(60);
        private Duration startTimeout = Duration.ofMinutes(10);

        private Builder() {}

        /** The number of this process in the hostfile, from 0. Must be set. */
        public Builder rank(int number) {
            this.rank = number;
            return this;
        }

        /**
         * A JSON file that says where the ranks are, the same for all of them: what MLX_HOSTFILE names, a list of
         * {@code ["address:port", ...]} for each rank; or what mlx.launch takes and mlx.distributed_config writes,
         * hosts with their {@code ips}, whose ports are counted from 32323. For {@code jaccl} what MLX_IBV_DEVICES
         * names, or hosts with {@code ips} and {@code rdma}. Must be set.
         */
        public Builder hostfile(Path file) {
            this.hostfile = file;
            return this;
        }

        /** MLX's backend: {@code ring} or {@code jaccl}. Default: ring. */
        public Builder backend(String name) {
            this.backend = name;
            return this;
        }

        /**
         * How the model is split; the same for all ranks. True: each rank has some of the layers, and hidden states go
         * from rank to rank. False: each rank has a share of every layer, some heads of attention and some of the inner
         * dimensions of the feed-forward layers, which is faster, as all compute at once. Default, or null: a share of
         * every layer, if the architecture can be split so and the ranks can have as many heads each; else layers.
         */
        public Builder pipeline(Boolean byLayers) {
            this.pipeline = byLayers;
            return this;
        }

        /**
         * How long a step of the model, which is a token or a chunk of a prompt, may take before a rank counts as lost,
         * at least a second. A rank whose process ended is noticed at once. Default: one minute.
         */
        public Builder timeout(Duration limit) {
            this.timeout = limit;
            return this;
        }

        /** How long the other ranks may take to start, and to load the model. Default: ten minutes. */
        public Builder startTimeout(Duration limit) {
            this.startTimeout = limit;
            return this;
        }

        /**
         * Checks the settings and reads the hostfile.
         *
         * @throws InvalidRequestException if one is missing or invalid
         */
        public MlxCluster build() {
            if (hostfile == null || rank == null) {
                throw new InvalidRequestException("rank (" + rank + ") and hostfile (" + hostfile + ") must be set");
            }
            if (!BACKENDS.contains(backend)) {
                throw new InvalidRequestException("backend (" + backend + ") must be ring or jaccl");
            }
            atLeastASecond("timeout", timeout);
            atLeastASecond("startTimeout", startTimeout);
            if (!Files.isRegularFile(hostfile)) {
                throw invalid("must be a file");
            }
            JsonNode json = JsonFiles.read(hostfile);
            JsonNode hosts = json.has("hosts") ? json.get("hosts") : json;
            if (!hosts.isArray() || hosts.size() < 2 || hosts.size() > RANKS_MAX) {
                throw invalid("must list 2 to " + RANKS_MAX + " ranks");
            }
            if (rank < 0 || rank >= hosts.size()) {
                throw new InvalidRequestException("rank (" + rank + ") must be from 0 to " + (hosts.size() - 1)
                        + ", for " + hostfile + " lists " + hosts.size());
            }
            boolean ring = backend.equals("ring");
            List<List<String>> addresses = ring ? addresses(hosts) : List.of();
            return new MlxCluster(
                    new RankSettings(
                            rank,
                            hosts.size(),
                            backend,
                            addresses,
                            ring ? ringEnvironment(addresses) : jacclEnvironment(hosts),
                            timeout,
                            startTimeout),
                    pipeline);
        }

        private static void atLeastASecond(String setting, Duration value) {
            if (value == null || value.compareTo(Duration.ofSeconds(1)) < 0) {
                throw new InvalidRequestException(setting + " (" + value + ") must be at least a second");
            }
        }

        private InvalidRequestException invalid(String rule) {
            return new InvalidRequestException("hostfile (" + hostfile + ") " + rule);
        }

        private List<List<String>> addresses(JsonNode hosts) {
            List<List<String>> all = new ArrayList<>();
            int port = FIRST_PORT;
            for (JsonNode host : hosts) {
                List<String> own = new ArrayList<>();
                JsonNode listed = host.isArray() ? host : host.path("ips");
                for (JsonNode address : listed) {
                    String text = host.isArray() ? address.asText() : address.asText() + ":" + port++;
                    if (!text.matches("[^\\s:]+:\\d{1,5}")) {
                        throw invalid("has the address " + text + ", which must be of the form address:port");
                    }
                    own.add(text);
                }
                if (own.isEmpty()) {
                    throw invalid("has no address for rank " + all.size());
                }
                all.add(List.copyOf(own));
            }
            return List.copyOf(all);
        }

        private Map<String, String> ringEnvironment(List<List<String>> addresses) {
            return Map.of(
                    "MLX_RANK", String.valueOf(rank), "MLX_HOSTFILE", written("mlx-ring", JSON.valueToTree(addresses)));
        }

        private Map<String, String> jacclEnvironment(JsonNode hosts) {
            Map<String, String> environment = new LinkedHashMap<>();
            environment.put("MLX_RANK", String.valueOf(rank));
            if (hosts.get(0).isArray()) {
                environment.put("MLX_IBV_DEVICES", hostfile.toAbsolutePath().toString());
                return environment;
            }
            ArrayNode rows = JSON.createArrayNode();
            for (JsonNode host : hosts) {
                if (host.path("rdma").size() != hosts.size() || host.path("ips").isEmpty()) {
                    throw invalid("must have ips, and rdma for each pair of ranks");
                }
                rows.add(host.get("rdma"));
            }
            environment.put("MLX_IBV_DEVICES", written("mlx-jaccl", rows));
            environment.put(
                    "MLX_JACCL_COORDINATOR", hosts.get(0).get("ips").get(0).asText() + ":" + FIRST_PORT);
            return environment;
        }

        private String written(String name, JsonNode json) {
            try {
                Path file = Files.createTempFile(name, ".json");
                file.toFile().deleteOnExit();
                return Files.writeString(file, json.toString()).toString();
            } catch (IOException e) {
                throw new InvalidRequestException("cannot write the hostfile for MLX: " + e.getMessage(), e);
            }
        }
    }
}
