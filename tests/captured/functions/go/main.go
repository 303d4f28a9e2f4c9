// A function whose event says how the invocation ends.
//
// The variable LOGGER says who writes: "" is log and slog as they are, "json" is slog's JSON handler behind both, and
// "lambdacontext" is the handler that comes with the client.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Kind string `json:"kind"`
}

// refusal is an error type of the function's own: the client tells its name.
type refusal struct {
	Order int
}

func (r refusal) Error() string {
	return fmt.Sprintf("cargo-5d1f order %d was refused", r.Order)
}

func handle(_ context.Context, event event) (string, error) {
	log.Print("cargo-5d1f begins")
	slog.Warn("cargo-5d1f stock is low", "left", 3)
	switch event.Kind {
	case "handled":
		slog.Error("cargo-5d1f told to write an error", "order", 17)
	case "error":
		return "", errors.New("cargo-5d1f told to fail")
	case "own error":
		return "", fmt.Errorf("cargo-5d1f checkout: %w", refusal{17})
	case "own type":
		return "", &refusal{17}
	case "panic":
		var orders map[string]int
		orders["cargo-5d1f"] = 17
	case "exit":
		os.Exit(3)
	case "fatal":
		log.Fatal("cargo-5d1f told to give up")
	}
	fmt.Println("cargo-5d1f ends")
	return event.Kind, nil
}

func main() {
	switch os.Getenv("LOGGER") {
	case "json":
		slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	case "lambdacontext":
		slog.SetDefault(lambdacontext.NewLogger())
	}
	lambda.Start(handle)
}
