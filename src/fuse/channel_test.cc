// SPDX-License-Identifier: MIT
// The device is played by a pair of sockets: what a worker reads and writes, and what a second worker does not.
#include "fuse/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace bt::fuse {
namespace {

struct InitMessage {
  fuse_in_header header;
  fuse_init_in body;
};
struct InitReply {
  fuse_out_header header;
  fuse_init_out body;
};

class ChannelTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends_), 0); }
  void TearDown() override {
    close(ends_[0]);
    close(ends_[1]);
  }

  // A worker that gets no further than INIT.
  void begin_session() {
    Channel channel(ends_[0], page_);
    fuse_lowlevel_ops table{};
    char name[] = "test";
    char* words[] = {name, nullptr};
    fuse_args arguments = FUSE_ARGS_INIT(1, words);
    fuse_session* session = fuse_session_new(&arguments, &table, sizeof table, &channel);
    ASSERT_NE(session, nullptr);
    ASSERT_TRUE(channel.install(session));
    fuse_buf message{};
    ASSERT_GT(fuse_session_receive_buf(session, &message), 0);
    fuse_session_process_buf(session, &message);
    std::free(message.mem);
  }

  void send_init() {
    InitMessage message{};
    message.header.len = sizeof message;
    message.header.opcode = FUSE_INIT;
    message.header.unique = 2;
    message.body.major = 7;
    message.body.minor = 45;
    message.body.flags = ~0u;
    message.body.flags2 = ~0u;
    ASSERT_EQ(write(ends_[1], &message, sizeof message), static_cast<ssize_t>(sizeof message));
  }

  ssize_t receive(void* buffer, size_t size) { return recv(ends_[1], buffer, size, MSG_DONTWAIT); }

  SharedPage page_;
  int ends_[2];
};

TEST_F(ChannelTest, the_init_reply_asks_for_mappings_of_direct_io_files) {
  send_init();
  begin_session();
  InitReply reply{};
  ASSERT_EQ(receive(&reply, sizeof reply), static_cast<ssize_t>(sizeof reply));
  EXPECT_EQ(reply.header.unique, 2u);
  EXPECT_EQ(reply.header.error, 0);
  EXPECT_TRUE(reply.body.flags & FUSE_INIT_EXT);
  EXPECT_TRUE(reply.body.flags & FUSE_HANDLE_KILLPRIV);
  EXPECT_TRUE(reply.body.flags2 & kInitDirectIoAllowMmap);
}

TEST_F(ChannelTest, nothing_is_asked_of_a_kernel_that_does_not_offer_it) {
  fuse_init_in offered{};
  fuse_init_out reply{};
  amend_init_reply(offered, reply);
  EXPECT_EQ(reply.flags, 0u);
  EXPECT_EQ(reply.flags2, 0u);
}

TEST_F(ChannelTest, a_second_worker_needs_no_init_from_the_kernel_and_answers_none) {
  send_init();
  begin_session();
  InitReply reply{};
  ASSERT_GT(receive(&reply, sizeof reply), 0);
  begin_session();
  EXPECT_LT(receive(&reply, sizeof reply), 0);
}

TEST_F(ChannelTest, requests_in_flight_are_asked_for_again) {
  page_.protocol_minor = 45;
  Channel channel(ends_[0], page_);
  ASSERT_TRUE(channel.resend_requests());
  fuse_out_header notice{};
  ASSERT_EQ(receive(&notice, sizeof notice), static_cast<ssize_t>(sizeof notice));
  EXPECT_EQ(notice.unique, 0u);
  EXPECT_EQ(notice.error, 7);
  page_.protocol_minor = 38;
  EXPECT_EQ(channel.resend_requests().error().errno_value(), ENOTSUP);
}

}  // namespace
}  // namespace bt::fuse
