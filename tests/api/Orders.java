import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

/** Creates 500 orders, 20 at a time, with a client that has all its defaults. */
public class Orders {
    public static void main(String[] arguments) {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0] + "/orders"))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"customer_id\": \"jdk\"}"))
                .build();
        for (int round = 0; round < 25; round++) {
            List<CompletableFuture<HttpResponse<String>>> responses = IntStream.range(0, 20)
                    .mapToObj(n -> client.sendAsync(request, HttpResponse.BodyHandlers.ofString()))
                    .toList();
            for (CompletableFuture<HttpResponse<String>> response : responses) {
                if (response.join().statusCode() != 201) {
                    throw new IllegalStateException(response.join() + " " + response.join().body());
                }
            }
        }
        // The threads of the client would keep the process.
        System.exit(0);
    }
}
