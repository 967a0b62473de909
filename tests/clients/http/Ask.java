import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;

/** A token from Lingpai with Java's own HTTP client: java Ask.java. */
public class Ask {
  static final HttpClient HTTP = HttpClient.newHttpClient();

  public static void main(String[] arguments) throws Exception {
    String base = System.getenv("URL");
    String appid = System.getenv("APPID");
    HttpRequest request = HttpRequest.newBuilder(URI.create(base + "/v1/tokens/wechat/" + appid))
      .header("Authorization", "Bearer " + System.getenv("KEY"))
      .build();
    HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) throw new IllegalStateException(answer.body());
    System.out.println(answer.body()); // {"platform":…,"value":"<token>","expires_in":…,"version":…}

    String form = "access_token=" + URLEncoder.encode("a token that was refused", StandardCharsets.UTF_8);
    HttpRequest report = HttpRequest.newBuilder(URI.create(base + "/keeper/report"))
      .header("Authorization", "Bearer " + System.getenv("KEY"))
      .header("Content-Type", "application/x-www-form-urlencoded")
      .POST(HttpRequest.BodyPublishers.ofString(form))
      .build();
    System.out.println(HTTP.send(report, HttpResponse.BodyHandlers.ofString()).body());
  }
}
