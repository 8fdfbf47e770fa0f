import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import groupimport.v1.Group;
import groupimport.v1.GroupImportGrpc;
import groupimport.v1.GroupImportGrpc.GroupImportBlockingStub;
import groupimport.v1.GroupImportGrpc.GroupImportStub;
import groupimport.v1.GroupType;
import groupimport.v1.ImportGroupRequest;
import groupimport.v1.ImportGroupResponse;
import groupimport.v1.ImportGroupsRequest;
import groupimport.v1.ImportGroupsResponse;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * Imports groups through the gateway: one with a unary call, then many over a stream.
 *
 * <p>usage: [TOKEN=...] java ImportGroups HOST:PORT [ITEMS]
 */
public final class ImportGroups {
  /**
   * gRPC itself sends a call again on these two, and heeds the gateway's pushback trailer. Safe only because every
   * request here has a key: gRPC says UNAVAILABLE by itself too, where a connection breaks and the group may have been
   * made. Not for the stream: that is gone on with below.
   */
  private static final Map<String, ?> SERVICE_CONFIG = Map.of("methodConfig", List.of(Map.of(
      "name", List.of(Map.of("service", "groupimport.v1.GroupImport", "method", "ImportGroup")),
      "retryPolicy", Map.of(
          "maxAttempts", 5.0,
          "initialBackoff", "0.2s",
          "maxBackoff", "5s",
          "backoffMultiplier", 2.0,
          "retryableStatusCodes", List.of("UNAVAILABLE", "RESOURCE_EXHAUSTED")))));

  private static final int ATTEMPTS = 5;

  /** How long to wait until a request with a key is sent again; empty where that would not help. */
  static Optional<Duration> waitBeforeRetry(Status status) {
    Duration second = Duration.ofSeconds(1);
    Optional<ErrorInfo> info = detail(status, ErrorInfo.class);
    if (info.isEmpty()) {
      // Not from the gateway: the connection broke, or our own deadline came. A key makes it safe.
      boolean again = status.getCode() == Code.UNAVAILABLE_VALUE || status.getCode() == Code.DEADLINE_EXCEEDED_VALUE;
      return again ? Optional.of(second) : Optional.empty();
    }
    Map<String, String> metadata = info.get().getMetadataMap();
    if ("after".equals(metadata.get("retry"))) {
      return Optional.of(detail(status, RetryInfo.class)
          .map(retry -> Duration.ofSeconds(retry.getRetryDelay().getSeconds(), retry.getRetryDelay().getNanos()))
          .orElse(second));
    }
    // "unread": a group of this ID stands, and the gateway could not see whose it is. A repeat looks again.
    boolean again = "yes".equals(metadata.get("retry")) || "unread".equals(metadata.get("existing"));
    return again ? Optional.of(second) : Optional.empty();
  }

  /** What to tell a human about an error that no repeat cures. */
  static String explain(Status status) {
    StringBuilder text = new StringBuilder(status.getMessage());
    Optional<ErrorInfo> info = detail(status, ErrorInfo.class);
    info.ifPresent(it -> text.insert(0, it.getReason() + ": "));
    detail(status, BadRequest.class).ifPresent(bad -> bad.getFieldViolationsList()
        .forEach(violation -> text.append("\n  " + violation.getField() + ": " + violation.getDescription())));
    if (info.filter(it -> it.getMetadataMap().get("applied").equals("unknown")).isPresent()) {
      text.append("\n  it may have been imported all the same: look before anything else is done about it");
    }
    return text.toString();
  }

  private static <T extends Message> Optional<T> detail(Status status, Class<T> type) {
    try {
      for (com.google.protobuf.Any any : status.getDetailsList()) {
        if (any.is(type)) {
          return Optional.of(any.unpack(type));
        }
      }
      return Optional.empty();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Imports one group with a key. What it throws, no repeat cures. */
  static ImportGroupResponse importOne(GroupImportBlockingStub stub, ImportGroupRequest request)
      throws InterruptedException {
    for (int attempt = 1; ; attempt++) {
      try {
        return stub.withDeadlineAfter(10, TimeUnit.SECONDS).importGroup(request);
      } catch (StatusRuntimeException e) {
        Optional<Duration> wait = waitBeforeRetry(StatusProto.fromThrowable(e));
        if (wait.isEmpty() || attempt == ATTEMPTS) {
          throw e;
        }
        Thread.sleep(wait.get().toMillis());
      }
    }
  }

  /**
   * Imports requests with keys over a stream, and over another if it breaks. Fills in the answers and the errors by item
   * ID; what no answer came for is in neither.
   */
  static void importMany(
      GroupImportStub stub, Map<String, ImportGroupRequest> requests,
      Map<String, ImportGroupResponse> imported, Map<String, Status> failed) throws InterruptedException {
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
      List<ImportGroupsRequest> todo = new ArrayList<>();
      requests.forEach((id, request) -> {
        if (!imported.containsKey(id) && !failed.containsKey(id)) {
          todo.add(ImportGroupsRequest.newBuilder().setItemId(id).setRequest(request).build());
        }
      });
      if (todo.isEmpty()) {
        return;
      }
      Stream stream = new Stream(todo.iterator(), imported, failed);
      stub.importGroups(stream);
      Optional<Duration> wait;
      try {
        wait = Optional.of(stream.end.get());
      } catch (ExecutionException e) {
        wait = waitBeforeRetry(StatusProto.fromThrowable(e.getCause()));
      }
      if (wait.isEmpty()) {
        return;
      }
      Thread.sleep(wait.get().toMillis());
    }
  }

  /** One stream. Ends with how long items that are in neither map should wait for the next one. */
  private static final class Stream implements ClientResponseObserver<ImportGroupsRequest, ImportGroupsResponse> {
    final CompletableFuture<Duration> end = new CompletableFuture<>();
    private final Iterator<ImportGroupsRequest> items;
    private final Map<String, ImportGroupResponse> imported;
    private final Map<String, Status> failed;
    private Duration wait = Duration.ZERO;
    private boolean closed;

    Stream(Iterator<ImportGroupsRequest> items, Map<String, ImportGroupResponse> imported, Map<String, Status> failed) {
      this.items = items;
      this.imported = imported;
      this.failed = failed;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<ImportGroupsRequest> call) {
      // Sends while HTTP/2 has room, and is called again when it has some anew: this is the back-pressure.
      call.setOnReadyHandler(() -> {
        while (call.isReady() && items.hasNext()) {
          call.onNext(items.next());
        }
        if (!items.hasNext() && !closed) {
          closed = true;
          call.onCompleted();
        }
      });
    }

    @Override
    public void onNext(ImportGroupsResponse answer) {
      if (answer.hasImported()) {
        imported.put(answer.getItemId(), answer.getImported());
        return;
      }
      Optional<Duration> itemWait = waitBeforeRetry(answer.getError());
      if (itemWait.isEmpty()) {
        failed.put(answer.getItemId(), answer.getError());
      } else if (itemWait.get().compareTo(wait) > 0) {
        wait = itemWait.get();
      }
    }

    @Override
    public void onError(Throwable error) {
      end.completeExceptionally(error);
    }

    @Override
    public void onCompleted() {
      end.complete(wait);
    }
  }

  /** A request whose key was made once, and goes along with every repeat. */
  static ImportGroupRequest request(String name) {
    return ImportGroupRequest.newBuilder()
        .setGroup(Group.newBuilder().setType(GroupType.GROUP_TYPE_PUBLIC).setName(name))
        .setRequestId(UUID.randomUUID().toString())
        .build();
  }

  public static void main(String[] args) throws InterruptedException {
    int items = args.length > 1 ? Integer.parseInt(args[1]) : 300;
    Metadata headers = new Metadata();
    if (System.getenv("TOKEN") != null) {
      Metadata.Key<String> key = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
      headers.put(key, "Bearer " + System.getenv("TOKEN"));
    }
    ManagedChannel channel = ManagedChannelBuilder.forTarget(args[0])
        .usePlaintext()
        .intercept(MetadataUtils.newAttachHeadersInterceptor(headers))
        .defaultServiceConfig(SERVICE_CONFIG)
        .enableRetry()
        .build();
    boolean good;
    try {
      good = run(channel, items);
    } finally {
      channel.shutdown();
    }
    if (!good) {
      System.err.println("not all is as it should be");
      System.exit(1);
    }
  }

  private static boolean run(ManagedChannel channel, int items) throws InterruptedException {
    GroupImportBlockingStub stub = GroupImportGrpc.newBlockingStub(channel);

    ImportGroupRequest first = request("From Java");
    ImportGroupResponse reply = importOne(stub, first);
    System.out.println("imported " + reply.getGroupId() + (reply.getReconciled() ? " (it stood already)" : ""));
    ImportGroupResponse again = importOne(stub, first);
    System.out.println("imported again: " + again.getGroupId() + (again.getReconciled() ? " (it stood already)" : ""));

    io.grpc.Status.Code refusal = io.grpc.Status.Code.OK;
    try {
      importOne(stub, request("A name of more than thirty bytes"));
    } catch (StatusRuntimeException e) {
      refusal = e.getStatus().getCode();
      System.out.println("refused with " + refusal + " " + explain(StatusProto.fromThrowable(e)));
    }

    Map<String, ImportGroupRequest> requests = new ConcurrentHashMap<>();
    requests.put("bad", request(""));
    for (int n = 0; n < items; n++) {
      requests.put("item " + n, request("Group " + n));
    }
    Map<String, ImportGroupResponse> imported = new ConcurrentHashMap<>();
    Map<String, Status> failed = new ConcurrentHashMap<>();
    importMany(GroupImportGrpc.newStub(channel), requests, imported, failed);
    System.out.println(imported.size() + " of " + requests.size() + " items imported");
    failed.forEach((id, status) -> System.out.println(id + " refused with " + explain(status)));

    return again.getReconciled() && again.getGroupId().equals(reply.getGroupId())
        && refusal == io.grpc.Status.Code.INVALID_ARGUMENT
        && imported.size() == items && failed.size() == 1 && failed.containsKey("bad");
  }
}
