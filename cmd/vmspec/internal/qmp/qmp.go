// Package qmp asks a running QEMU to do something, by the QEMU Machine Protocol.
package qmp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A client is one connection. QEMU serves one at a time: others wait.
type client struct {
	conn net.Conn
	in   *json.Decoder
	end  func() bool
}

// dial connects to a socket on which QEMU listens, and ends the connection with ctx.
func dial(ctx context.Context, socket string) (*client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, in: json.NewDecoder(conn)}
	c.end = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	var greeting struct{ QMP json.RawMessage }
	if err := c.in.Decode(&greeting); err != nil || greeting.QMP == nil {
		return nil, errors.Join(fmt.Errorf("%s does not greet as QMP does", socket), err, c.close())
	}
	if err := c.do("qmp_capabilities", nil, nil); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *client) close() error {
	c.end()
	return c.conn.Close()
}

// arguments are those of a command.
type arguments map[string]any

// A refusal is QEMU's own word for why it does not do something.
type refusal struct {
	Class string `json:"class"`
	Desc  string `json:"desc"`
}

func (r *refusal) Error() string { return r.Desc }

// do executes a command, and reads what it returns.
func (c *client) do(command string, args arguments, into any) error {
	request := map[string]any{"execute": command}
	if args != nil {
		request["arguments"] = args
	}
	if err := json.NewEncoder(c.conn).Encode(request); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	for {
		var reply struct {
			Return json.RawMessage `json:"return"`
			Error  *refusal        `json:"error"`
		}
		err := c.in.Decode(&reply)
		switch {
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%s: QEMU closed the connection", command)
		case err != nil:
			return fmt.Errorf("%s: %w", command, err)
		case reply.Error != nil:
			return fmt.Errorf("%s: %w", command, reply.Error)
		case reply.Return == nil: // an event
			continue
		case into == nil:
			return nil
		}
		return json.Unmarshal(reply.Return, into)
	}
}
