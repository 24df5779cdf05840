package dev.langchain4j.model.mlx.samples;

import dev.langchain4j.model.mlx.MlxCluster;
import dev.langchain4j.model.mlx.MlxModel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The other ranks of a model, as JVMs on this machine that run the same sample. On several machines {@code mlx.launch}
 * starts them, or whoever sets MLX_RANK and MLX_HOSTFILE.
 */
public final class LocalRanks implements AutoCloseable {
    private final List<Process> others = new ArrayList<>();
    private final Path hostfile;

    private LocalRanks(Path hostfile) {
        this.hostfile = hostfile;
    }

    /** Whether this process was started as a rank. */
    public static boolean isStarted() {
        return System.getenv("MLX_RANK") != null;
    }

    /** Serves a model if this process was started as a rank other than the first; else gives false. */
    public static boolean serves(MlxModel.Builder model) {
        MlxCluster cluster = isStarted() ? MlxCluster.fromEnvironment() : null;
        if (cluster == null || cluster.rank() == 0) {
            return false;
        }
        model.distributed(cluster).serve();
        return true;
    }

    /** Starts all ranks but the first, which is this process. */
    public static LocalRanks start(int ranks, Class<?> sample, String[] arguments) throws IOException {
        Path hostfile = hostfile(ranks);
        LocalRanks started = new LocalRanks(hostfile);
        Thread end = new Thread(started::close, "end-ranks");
        Runtime.getRuntime().addShutdownHook(end);
        for (int rank = 1; rank < ranks; rank++) {
            List<String> command = java(sample);
            command.addAll(List.of(arguments));
            ProcessBuilder process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD);
            process.environment().put("MLX_RANK", String.valueOf(rank));
            process.environment().put("MLX_HOSTFILE", hostfile.toString());
            started.others.add(process.start());
        }
        return started;
    }

    /** The command that runs a class as this process runs. */
    public static List<String> java(Class<?> main, String... options) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED"));
        command.addAll(List.of(options));
        for (String property : List.of("langchain4j.mlx.native.path", "project.root")) {
            command.add("-D" + property + "=" + System.getProperty(property, ""));
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        return command;
    }

    /** A hostfile of free ports of this machine. */
    public static Path hostfile(int ranks) throws IOException {
        List<ServerSocket> sockets = new ArrayList<>();
        List<String> hosts = new ArrayList<>();
        try {
            for (int i = 0; i < ranks; i++) {
                sockets.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
                hosts.add("[\"127.0.0.1:" + sockets.getLast().getLocalPort() + "\"]");
            }
        } finally {
            for (ServerSocket socket : sockets) {
                socket.close();
            }
        }
        Path file = Files.createTempFile("ranks", ".json");
        file.toFile().deleteOnExit();
        return Files.writeString(file, "[" + String.join(", ", hosts) + "]");
    }

    /** Where the ranks are. */
    public Path hostfile() {
        return hostfile;
    }

    /** How this process, which is the first rank, finds the others. */
    public MlxCluster cluster() {
        return MlxCluster.builder().rank(0).hostfile(hostfile).build();
    }

    /** Ends those that do not end by themselves when the model was closed. */
    @Override
    public void close() {
        others.forEach(Process::destroy);
    }
}
