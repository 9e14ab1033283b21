// Plays exported skills with ONNX Runtime alone: `skills export RUN --all`, then
//
//     g++ -std=c++17 runner.cpp -I onnxruntime/include -L onnxruntime/lib -l onnxruntime -o runner
//     ./runner skills.onnx 17 < observations.txt
//
// reads an observation a line, as the environment gives it, and prints the action for it, in the motors' own bounds.
// What skills there are, and how long an action lasts, is in behaviours.json.
#include <onnxruntime_cxx_api.h>

#include <array>
#include <cstdint>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

class Skills {
 public:
  explicit Skills(const char* file) : session_(environment_, file, Ort::SessionOptions{}) {}

  // The action of a skill for one observation.
  std::vector<float> act(std::vector<float>& observation, std::int64_t skill) {
    const std::array<std::int64_t, 2> row{1, static_cast<std::int64_t>(observation.size())};
    const std::array<std::int64_t, 1> one{1};
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    std::array<Ort::Value, 2> given{
        Ort::Value::CreateTensor<float>(memory, observation.data(), observation.size(), row.data(), row.size()),
        Ort::Value::CreateTensor<std::int64_t>(memory, &skill, 1, one.data(), one.size())};
    const std::array<const char*, 2> inputs{"observation", "skill"};
    const std::array<const char*, 1> outputs{"action"};
    auto found = session_.Run(Ort::RunOptions{nullptr}, inputs.data(), given.data(), 2, outputs.data(), 1);
    const float* action = found[0].GetTensorData<float>();
    return {action, action + found[0].GetTensorTypeAndShapeInfo().GetElementCount()};
  }

 private:
  Ort::Env environment_{ORT_LOGGING_LEVEL_WARNING, "skills"};
  Ort::Session session_;
};

int main(int count, char** words) {
  if (count != 3) {
    std::cerr << "runner skills.onnx SKILL < observations.txt\n";
    return 2;
  }
  try {
    Skills skills(words[1]);
    std::cout.precision(9);  // all that a float has
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream numbers(line);
      std::vector<float> observation;
      for (float number; numbers >> number;) observation.push_back(number);
      const char* between = "";
      for (float number : skills.act(observation, std::stoll(words[2]))) {
        std::cout << between << number;
        between = " ";
      }
      std::cout << std::endl;
    }
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
