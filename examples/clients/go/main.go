// Imports groups through the gateway: one with a unary call, then many over a stream.
//
// usage: [TOKEN=...] import_groups HOST:PORT [ITEMS]
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "groupimport/v1"
)

// gRPC itself sends a call again on these two, and heeds the gateway's pushback trailer (before grpc-go 1.40 only with
// GRPC_GO_RETRY=on in the environment). Safe only because every request here has a key: gRPC says UNAVAILABLE by itself
// too, where a connection breaks and the group may have been made. Not for the stream: that is gone on with below.
const serviceConfig = `{
  "methodConfig": [{
    "name": [{"service": "groupimport.v1.GroupImport", "method": "ImportGroup"}],
    "retryPolicy": {
      "maxAttempts": 5,
      "initialBackoff": "0.2s",
      "maxBackoff": "5s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]
    }
  }]
}`

const attempts = 5

// waitBeforeRetry says when a request with a key may be sent again, and whether that helps at all.
func waitBeforeRetry(st *status.Status) (time.Duration, bool) {
	info, retry := (*errdetails.ErrorInfo)(nil), (*errdetails.RetryInfo)(nil)
	for _, detail := range st.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			info = detail
		case *errdetails.RetryInfo:
			retry = detail
		}
	}
	switch {
	case info == nil: // Not from the gateway: the connection broke, or our own deadline came. A key makes it safe.
		return time.Second, st.Code() == codes.Unavailable || st.Code() == codes.DeadlineExceeded
	case info.Metadata["retry"] == "after" && retry != nil:
		delay := retry.GetRetryDelay()
		return time.Duration(delay.GetSeconds())*time.Second + time.Duration(delay.GetNanos()), true
	default:
		// "unread": a group of this ID stands, and the gateway could not see whose it is. A repeat looks again.
		return time.Second, info.Metadata["retry"] != "no" || info.Metadata["existing"] == "unread"
	}
}

// explain tells a human about an error that no repeat cures.
func explain(st *status.Status) string {
	text := st.Message()
	for _, detail := range st.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			text = detail.Reason + ": " + text
			if detail.Metadata["applied"] == "unknown" {
				text += "\n  it may have been imported all the same: look before anything else is done about it"
			}
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				text += fmt.Sprintf("\n  %s: %s", violation.Field, violation.Description)
			}
		}
	}
	return text
}

// importOne imports a group with a key. The error that it returns, no repeat cures.
func importOne(ctx context.Context, client pb.GroupImportClient, request *pb.ImportGroupRequest) (*pb.ImportGroupResponse, error) {
	for attempt := 1; ; attempt++ {
		call, cancel := context.WithTimeout(ctx, 10*time.Second)
		reply, err := client.ImportGroup(call, request)
		cancel()
		if err == nil {
			return reply, nil
		}
		wait, ok := waitBeforeRetry(status.Convert(err))
		if !ok || attempt == attempts {
			return nil, err
		}
		time.Sleep(wait)
	}
}

// importMany imports requests with keys over a stream, and over another if it breaks. It returns the answers and the
// errors by item ID; what no answer came for is in neither.
func importMany(ctx context.Context, client pb.GroupImportClient, requests map[string]*pb.ImportGroupRequest) (map[string]*pb.ImportGroupResponse, map[string]*status.Status) {
	imported, failed := map[string]*pb.ImportGroupResponse{}, map[string]*status.Status{}
	for attempt := 1; attempt <= attempts; attempt++ {
		var todo []*pb.ImportGroupsRequest
		for id, request := range requests {
			if imported[id] == nil && failed[id] == nil {
				todo = append(todo, &pb.ImportGroupsRequest{ItemId: id, Request: request})
			}
		}
		if len(todo) == 0 {
			break
		}
		wait, err := importOnce(ctx, client, todo, imported, failed)
		if err != nil {
			var ok bool
			if wait, ok = waitBeforeRetry(status.Convert(err)); !ok {
				break
			}
		}
		time.Sleep(wait)
	}
	return imported, failed
}

// importOnce runs one stream. It returns how long items that are in neither map should wait for the next one.
func importOnce(ctx context.Context, client pb.GroupImportClient, todo []*pb.ImportGroupsRequest, imported map[string]*pb.ImportGroupResponse, failed map[string]*status.Status) (wait time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.ImportGroups(ctx)
	if err != nil {
		return 0, err
	}
	go func() {
		for _, item := range todo {
			// Send waits while HTTP/2 has no room: this is the back-pressure. Why it fails, Recv says.
			if stream.Send(item) != nil {
				return
			}
		}
		stream.CloseSend()
	}()
	for {
		answer, err := stream.Recv()
		if err == io.EOF {
			return wait, nil
		}
		if err != nil {
			return 0, err
		}
		if reply := answer.GetImported(); reply != nil {
			imported[answer.ItemId] = reply
			continue
		}
		st := status.FromProto(answer.GetError())
		itemWait, again := waitBeforeRetry(st)
		if !again {
			failed[answer.ItemId] = st
		} else if itemWait > wait {
			wait = itemWait
		}
	}
}

// newRequest makes a request whose key goes along with every repeat.
func newRequest(name string) *pb.ImportGroupRequest {
	key := make([]byte, 16)
	if _, err := rand.Read(key); err != nil {
		log.Fatal(err)
	}
	return &pb.ImportGroupRequest{
		Group:     &pb.Group{Type: pb.GroupType_GROUP_TYPE_PUBLIC, Name: name},
		RequestId: fmt.Sprintf("%x", key),
	}
}

func main() {
	items := 300
	if len(os.Args) > 2 {
		items, _ = strconv.Atoi(os.Args[2])
	}
	ctx := context.Background()
	if token := os.Getenv("TOKEN"); token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	// Newer versions say grpc.NewClient, and grpc.WithTransportCredentials(insecure.NewCredentials()).
	conn, err := grpc.Dial(os.Args[1], grpc.WithInsecure(), grpc.WithDefaultServiceConfig(serviceConfig))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	client := pb.NewGroupImportClient(conn)

	first := newRequest("From Go")
	reply, err := importOne(ctx, client, first)
	if err != nil {
		log.Fatal(explain(status.Convert(err)))
	}
	fmt.Println("imported", reply.GroupId, standing(reply))
	again, err := importOne(ctx, client, first)
	if err != nil {
		log.Fatal(explain(status.Convert(err)))
	}
	fmt.Println("imported again:", again.GroupId, standing(again))

	_, refusal := importOne(ctx, client, newRequest("A name of more than thirty bytes"))
	fmt.Println("refused with", status.Code(refusal), explain(status.Convert(refusal)))

	requests := map[string]*pb.ImportGroupRequest{"bad": newRequest("")}
	for n := 0; n < items; n++ {
		requests[fmt.Sprint("item ", n)] = newRequest(fmt.Sprint("Group ", n))
	}
	imported, failed := importMany(ctx, client, requests)
	fmt.Println(len(imported), "of", len(requests), "items imported")
	for id, st := range failed {
		fmt.Println(id, "refused with", explain(st))
	}

	if !again.Reconciled || again.GroupId != reply.GroupId || status.Code(refusal) != codes.InvalidArgument ||
		len(imported) != items || len(failed) != 1 || failed["bad"] == nil {
		log.Fatal("not all is as it should be")
	}
}

func standing(reply *pb.ImportGroupResponse) string {
	if reply.Reconciled {
		return "(it stood already)"
	}
	return ""
}
