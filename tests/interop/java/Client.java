// The official Java client as a peer: Client URL TRANSPORT. See run.mjs for what it has to do.
import io.socket.client.Ack;
import io.socket.client.IO;
import io.socket.client.Socket;
import java.net.URI;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.json.JSONArray;
import org.json.JSONObject;

public final class Client {
  private static final int PATIENCE = 30;
  private static String url;
  private static String transport;

  /** A socket, and what has come for it. */
  private static final class Peer {
    final Socket socket;
    final LinkedBlockingQueue<Object[]> connects = new LinkedBlockingQueue<>();
    final LinkedBlockingQueue<Object[]> echo = new LinkedBlockingQueue<>();
    final LinkedBlockingQueue<Object[]> news = new LinkedBlockingQueue<>();
    final LinkedBlockingQueue<Object[]> direct = new LinkedBlockingQueue<>();

    Peer() throws Exception {
      IO.Options options = new IO.Options();
      options.transports = new String[] {transport};
      options.forceNew = true;
      options.reconnectionDelay = 100;
      options.reconnectionDelayMax = 100;
      socket = IO.socket(URI.create(url), options);
      socket.on(Socket.EVENT_CONNECT, connects::add);
      socket.on("echo", echo::add);
      socket.on("news", news::add);
      socket.on("direct", direct::add);
      socket.connect();
      take(connects);
    }

    Object[] call(String event, Object... arguments) throws Exception {
      LinkedBlockingQueue<Object[]> answer = new LinkedBlockingQueue<>();
      socket.emit(event, arguments, (Ack) answer::add);
      return take(answer);
    }
  }

  private static Object[] take(LinkedBlockingQueue<Object[]> queue) throws Exception {
    Object[] taken = queue.poll(PATIENCE, TimeUnit.SECONDS);
    if (taken == null) throw new AssertionError("nothing came");
    return taken;
  }

  private static void check(String name, boolean right) {
    if (!right) throw new AssertionError(name);
    System.out.println("ok " + name);
  }

  public static void main(String[] arguments) throws Exception {
    url = arguments[0];
    transport = arguments[1];
    Peer one = new Peer();
    check("connect", one.socket.id() != null);

    one.socket.emit("echo", 1, "zwei", new JSONObject("{\"drei\":[4,null,true]}"), 5.5);
    Object[] echoed = take(one.echo);
    check("event", echoed.length == 4 && echoed[0].equals(1) && echoed[1].equals("zwei")
        && echoed[2].toString().equals("{\"drei\":[4,null,true]}") && echoed[3].equals(5.5));
    String text = "x".repeat(100_000) + "ÄÖÜ €, 😀";
    one.socket.emit("echo", text);
    check("long text", take(one.echo)[0].equals(text));

    Object[] answer = one.call("echo", "a", 2);
    check("acknowledgement", answer.length == 2 && answer[0].equals("a") && answer[1].equals(2));

    byte[] blob = new byte[256 * 40];
    for (int i = 0; i < blob.length; ++i) blob[i] = (byte) i;
    JSONObject object = new JSONObject();
    object.put("name", "blob");
    object.put("data", blob);
    object.put("more", new JSONArray(Arrays.asList((Object) new byte[0], new byte[] {1})));
    one.socket.emit("echo", object);
    JSONObject back = (JSONObject) take(one.echo)[0];
    check("binary", back.get("name").equals("blob") && Arrays.equals(blob, (byte[]) back.get("data"))
        && back.getJSONArray("more").length() == 2
        && Arrays.equals(new byte[] {1}, (byte[]) back.getJSONArray("more").get(1)));
    check("binary acknowledgement", Arrays.equals(blob, (byte[]) one.call("echo", blob)[0]));

    Peer two = new Peer();
    JSONArray rooms = (JSONArray) two.call("join", "room")[0];
    Set<String> joined = new TreeSet<>();
    for (int i = 0; i < rooms.length(); ++i) joined.add(rooms.getString(i));
    check("join", joined.equals(new TreeSet<>(Arrays.asList(two.socket.id(), "room"))));
    one.socket.emit("to", "room", "news", 7);
    check("room", take(two.news)[0].equals(7));
    one.socket.emit("all", "direct", "everybody");
    check("broadcast", take(one.direct)[0].equals("everybody") && take(two.direct)[0].equals("everybody"));
    two.socket.disconnect();

    System.out.println("restart"); // the server goes and comes back
    take(one.connects);
    check("reconnect", one.call("echo", "again")[0].equals("again"));
    one.socket.disconnect();
    System.out.println("done");
    System.exit(0);
  }
}
