#include <gtest/gtest.h>

#include "capture_encoder.h"

/* Read last: whatever the tests did, nothing of ours may be open. */
class NothingLeaks final : public testing::Environment {
  void TearDown() override {
    char out[256];
    pdc_leaks(out, sizeof out);
    const std::string text(out);
    for (const char* what : {"\"pipelines\":0", "\"injectors\":0", "\"threads\":0", "\"displays\":0"}) {
      EXPECT_NE(text.find(what), std::string::npos) << text;
    }
  }
};

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::AddGlobalTestEnvironment(new NothingLeaks);
  return RUN_ALL_TESTS();
}
