package dev.langchain4j.mlx;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Connections are found by their ports, and the end of one shows, whichever side opened it. */
@Timeout(30)
class PeerSocketsTest {
    @TempDir
    Path folder;

    @Test
    void theOtherEndOfAConnectionThatWasOpenedHereCloses() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Socket own = new Socket(server.getInetAddress(), server.getLocalPort());
                Socket other = server.accept()) {
            PeerSockets peers = PeerSockets.find(List.of(), 2, List.of(server.getLocalPort()), 3);
            assertThat(peers.closedPeer()).isEqualTo(-1);
            other.getOutputStream().write(1);
            assertThat(peers.closedPeer()).as("unread bytes").isEqualTo(-1);
            assertThat(own.getInputStream().read()).isEqualTo(1);
            other.close();
            assertThat(peers.closedPeer()).isEqualTo(3);
        }
    }

    @Test
    void theOtherEndOfAConnectionThatWasAcceptedHereCloses() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Socket other = new Socket(server.getInetAddress(), server.getLocalPort());
                Socket own = server.accept()) {
            PeerSockets peers = PeerSockets.find(List.of(server.getLocalPort()), 2, List.of(), 3);
            assertThat(own.isConnected()).isTrue();
            assertThat(peers.closedPeer()).isEqualTo(-1);
            other.close();
            assertThat(peers.closedPeer()).isEqualTo(2);
        }
    }

    /** Its address is shorter than a port: what was read for the socket before must not stand for it. */
    @Test
    void aSocketWithoutAPortIsNobodys() throws Exception {
        UnixDomainSocketAddress path = UnixDomainSocketAddress.of(folder.resolve("socket"));
        try (ServerSocketChannel local = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            local.bind(path);
            try (SocketChannel client = SocketChannel.open(path);
                    ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                    Socket own = new Socket(server.getInetAddress(), server.getLocalPort());
                    Socket other = server.accept();
                    SocketChannel accepted = local.accept()) {
                PeerSockets peers = PeerSockets.find(List.of(), 2, List.of(server.getLocalPort()), 3);
                client.close();
                assertThat(peers.closedPeer()).isEqualTo(-1);
                assertThat(List.of(own.isClosed(), other.isClosed(), !accepted.isOpen()))
                        .containsOnly(false);
            }
        }
    }
}
