package outbound

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dnsServer is a DNS server on loopback that answers what a test says.
type dnsServer struct {
	udp net.PacketConn
	tcp net.Listener

	mu     sync.Mutex // guards what follows
	asked  map[dnsmessage.Type]int
	names  []string
	answer func(n int, q dnsmessage.Question) reply // n counts the questions of this type, from 1
}

// reply is what is answered to one question.
type reply struct {
	addresses []string
	chain     []string // names of CNAMEs on the way, from the one asked for
	code      dnsmessage.RCode
	silent    bool
	cut       bool // over UDP: ask again over TCP
	slow      time.Duration
}

func nameServer(t *testing.T, answer func(n int, q dnsmessage.Question) reply) *dnsServer {
	t.Helper()
	s := &dnsServer{answer: answer, asked: map[dnsmessage.Type]int{}}
	var err error
	if s.udp, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if s.tcp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.udp.Close(); s.tcp.Close() })
	go s.serveUDP()
	go s.serveTCP()
	return s
}

// always answers every question for IPv4 addresses with these, and those for
// IPv6 with the ones that have colons.
func always(addresses ...string) func(int, dnsmessage.Question) reply {
	return func(int, dnsmessage.Question) reply { return reply{addresses: addresses} }
}

// resolver asks this server and no other.
func (s *dnsServer) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		if network == "tcp" {
			return d.DialContext(ctx, "tcp", s.tcp.Addr().String())
		}
		return d.DialContext(ctx, "udp", s.udp.LocalAddr().String())
	}}
}

func (s *dnsServer) serveUDP() {
	buf := make([]byte, 4096)
	for {
		n, from, err := s.udp.ReadFrom(buf)
		if err != nil {
			return
		}
		go func(query []byte) {
			if answer := s.handle(query, false); answer != nil {
				_, _ = s.udp.WriteTo(answer, from)
			}
		}(append([]byte(nil), buf[:n]...))
	}
}

func (s *dnsServer) serveTCP() {
	for {
		conn, err := s.tcp.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			var size uint16
			if binary.Read(conn, binary.BigEndian, &size) != nil {
				return
			}
			query := make([]byte, size)
			if _, err := io.ReadFull(conn, query); err != nil {
				return
			}
			answer := s.handle(query, true)
			_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
		}()
	}
}

func (s *dnsServer) handle(query []byte, tcp bool) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	s.mu.Lock()
	s.asked[q.Type]++
	s.names = append(s.names, q.Name.String())
	r := s.answer(s.asked[q.Type], q)
	s.mu.Unlock()
	time.Sleep(r.slow)
	if r.silent {
		return nil
	}
	h.Response, h.RCode, h.RecursionAvailable, h.Truncated = true, r.code, true, r.cut && !tcp
	b := dnsmessage.NewBuilder(nil, h)
	b.EnableCompression()
	_ = b.StartQuestions()
	_ = b.Question(q)
	_ = b.StartAnswers()
	if !h.Truncated {
		fill(&b, q, r)
	}
	answer, _ := b.Finish()
	return answer
}

func fill(b *dnsmessage.Builder, q dnsmessage.Question, r reply) {
	name := q.Name
	head := func() dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 0}
	}
	for _, next := range r.chain {
		to := dnsmessage.MustNewName(next)
		_ = b.CNAMEResource(head(), dnsmessage.CNAMEResource{CNAME: to})
		name = to
	}
	for _, text := range r.addresses {
		a := netip.MustParseAddr(text)
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			_ = b.AResource(head(), dnsmessage.AResource{A: a.As4()})
		case !a.Is4() && q.Type == dnsmessage.TypeAAAA:
			_ = b.AAAAResource(head(), dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
}

func (s *dnsServer) questions() (a, aaaa int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[dnsmessage.TypeA], s.asked[dnsmessage.TypeAAAA]
}
